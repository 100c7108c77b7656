/** gRPC's health service, as a kubelet asks it. */
import { Client } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { service } from "grpc-health-check";

export class HealthClient extends Client {
  /** @throws what the call ends with, or an Error where it is not serving */
  async check(): Promise<void> {
    const { path, requestSerialize, responseDeserialize } = service["Check"]!;
    const answer = await new Promise<{ status: string }>((resolve, reject) => {
      this.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize as (bytes: Buffer) => { status: string },
        { service: "" },
        { deadline: Date.now() + 5_000 },
        (error: ServiceError | null, value) => {
          if (error !== null || value === undefined) reject(error ?? new Error("no answer"));
          else resolve(value);
        },
      );
    });
    if (answer.status !== "SERVING") throw new Error(`not serving: ${answer.status}`);
  }
}
