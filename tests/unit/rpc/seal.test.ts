import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { coordinatorService } from "../../../src/rpc/index.js";
import { seal, unseal } from "../../../src/rpc/seal.js";

describe("a sealed message", () => {
  it("survives a round trip; any flipped bit, truncation or missing checksum is refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(), fc.integer({ min: 0, max: 7 }), (bytes, place, bit) => {
        const message = Buffer.from(bytes);
        const sealed = seal(message);
        expect(unseal(sealed).equals(message)).toBe(true);
        const damaged = Buffer.from(sealed);
        const at = place % damaged.length;
        damaged.writeUInt8(damaged.readUInt8(at) ^ (1 << bit), at);
        expect(() => unseal(damaged)).toThrow(/a message was refused/);
        expect(() => unseal(sealed.subarray(0, place % sealed.length))).toThrow(/a message was refused/);
      }),
    );
  });

  it("is used on the control stream in both directions, and other tools can read it", () => {
    const { requestSerialize, requestDeserialize, responseSerialize, responseDeserialize } = coordinatorService.Attend;
    const request = requestSerialize({ applied: { step: 7, stateHash: "h" } });
    expect(requestDeserialize(request)).toMatchObject({ applied: { step: 7, stateHash: "h" } });
    expect(() => requestDeserialize(request.subarray(0, -6))).toThrow(/it has no checksum/);
    const response = responseSerialize({ synchronise: { step: 9 } });
    expect(responseDeserialize(response)).toMatchObject({ synchronise: { step: 9 } });
    response.writeUInt8(response.readUInt8(3) ^ 1, 3);
    expect(() => responseDeserialize(response)).toThrow(/its checksum does not match/);
  });
});
