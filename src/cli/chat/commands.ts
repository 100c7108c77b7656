/** What a line of input asks for. Pure. */

export type ChatLine =
  | { readonly kind: "message"; readonly text: string }
  | { readonly kind: "reset" | "help" | "exit" | "nothing" }
  /** undefined removes the system message. */
  | { readonly kind: "system"; readonly text: string | undefined }
  | { readonly kind: "temperature"; readonly value: number }
  | { readonly kind: "mistake"; readonly text: string };

export const chatHelp = `/reset            start a new conversation
/system TEXT      set the system message; without TEXT: remove it
/temperature N    0 always takes the likeliest token; 1 samples from the model's distribution
/help             show this
/exit             leave, like Ctrl-D
//TEXT            send a message that begins with /
Ctrl-C stops an answer; at an empty prompt it leaves.
`;

export function parseLine(line: string): ChatLine {
  const text = line.trim();
  if (text === "") return { kind: "nothing" };
  if (!text.startsWith("/")) return { kind: "message", text: line };
  if (text.startsWith("//")) return { kind: "message", text: text.slice(1) };
  const [, command = "", rest = ""] = /^\/(\S*)\s*(.*)$/su.exec(text) ?? [];
  switch (command) {
    case "exit":
    case "quit":
      return { kind: "exit" };
    case "help":
    case "reset":
      return { kind: command };
    case "system":
      return { kind: "system", text: rest === "" ? undefined : rest };
    case "temperature": {
      const value = Number(rest);
      if (rest !== "" && Number.isFinite(value) && value >= 0) return { kind: "temperature", value };
      return { kind: "mistake", text: "/temperature takes a number of at least 0, such as /temperature 0.7" };
    }
    default:
      return { kind: "mistake", text: `there is no command /${command}; /help lists them, //${command} sends it` };
  }
}
