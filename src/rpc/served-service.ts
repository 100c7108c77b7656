/** A gRPC service and what answers its calls. */
import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";

export interface ServedService {
  /** In full, such as "coxswain.v1.Coordinator". */
  readonly name: string;
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}
