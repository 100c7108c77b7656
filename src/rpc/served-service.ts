/** A gRPC service and its implementation. */
import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";

export interface ServedService {
  /** The full name, such as "coxswain.v1.Coordinator". */
  readonly name: string;
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}
