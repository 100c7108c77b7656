/** The form of a token: it is sent in a header. */

/** @returns what is wrong with a token, after "the token", or undefined */
export function tokenProblem(token: string): string | undefined {
  if (/^[\x21-\x7e]+$/.test(token)) return undefined;
  if (token === "") return "is empty";
  return /[\r\n]/.test(token) ? "contains a line break" : "contains characters other than printable ASCII";
}
