/** Short names for folders, by which they can be told apart. Pure. */
import { basename, sep } from "node:path";

/**
 * The last part of each path; as many parts as it takes where several end alike. An end that all have in common is left
 * out: `a` and `b` for `a/out` and `b/out`.
 * @param folders absolute and different
 */
export function distinctNames(folders: readonly string[]): readonly string[] {
  const whole = folders.map((folder) => folder.split(sep).filter((part) => part !== ""));
  const common = folders.length > 1 ? commonEnd(whole) : 0;
  const parts = whole.map((each) => each.slice(0, each.length - common));
  const tail = (index: number, count: number): string => parts[index]?.slice(-count).join("/") ?? "";
  return folders.map((folder, index) => {
    const longest = parts[index]?.length ?? 0;
    for (let count = 1; count <= longest; count++) {
      const name = tail(index, count);
      if (!folders.some((_, other) => other !== index && tail(other, count) === name)) return name;
    }
    return longest === 0 ? folder : (parts[index]?.join("/") ?? basename(folder));
  });
}

/** How many last parts all have in common, while each has another before them. */
function commonEnd(paths: readonly (readonly string[])[]): number {
  const shortest = Math.min(...paths.map(({ length }) => length));
  let count = 0;
  while (count < shortest - 1 && new Set(paths.map((path) => path.at(-1 - count))).size === 1) count++;
  return count;
}
