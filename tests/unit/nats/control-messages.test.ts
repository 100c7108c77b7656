/** These tests protect: a coordinator that takes no harm from what strangers publish, and answers that programs can read. */
import { describe, expect, it } from "vitest";
import { CoxswainError } from "../../../src/errors.js";
import { errorReply, parseReply, parseRequest } from "../../../src/nats/control-messages.js";
import { errorOf } from "../../support/errors.js";

describe("a request", () => {
  it("may be empty, or name its sender", () => {
    expect(parseRequest("")).toEqual({});
    expect(parseRequest("{}")).toEqual({});
    expect(parseRequest('{"by": "ann@laptop"}')).toEqual({ by: "ann@laptop" });
  });

  it.each(["[]", "null", "{", '{"by": 7}', '{"by": "\\u001b[2J"}', JSON.stringify({ by: "x".repeat(201) })])(
    "is rejected if it is %s",
    (text) => {
      expect(errorOf(() => parseRequest(text)).code).toBe("usage");
    },
  );
});

describe("an answer", () => {
  it("is rethrown if it is an error, with its hint", () => {
    const error = new CoxswainError("storage", "the disk is full", { hint: "Make room." });
    const thrown = errorOf(() => parseReply(JSON.stringify(errorReply(error))));
    expect(thrown).toMatchObject({ code: "storage", message: "the disk is full", hint: "Make room." });
  });

  it("is reported if it does not come from a coordinator", () => {
    for (const text of ["", "pong", "{}", "7"]) expect(errorOf(() => parseReply(text)).message).toMatch(/JSON object/);
  });
});
