/** Tells a model's thought from its answer, by the tags around it. Pure. */

/** What ends a thought: tags of DeepSeek, Qwen and others, and Mistral's. */
const ends = /<\/(?:think|thinking|thought|reasoning|seed:think)>|\[\/THINK\]/g;

/** The answer after a thought. The prompt may have begun it, so that only its end is in the text. */
export function withoutThought(text: string): string {
  const last = [...text.matchAll(ends)].at(-1);
  return last === undefined ? text : text.slice(last.index + last[0].length);
}

/** Whether there is nothing, or a thought without an answer. */
export const isEmptyAnswer = (text: string): boolean => withoutThought(text).trim() === "";
