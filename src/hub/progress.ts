/** Progress of a download, as text. */

/** Receives progress messages for the user. */
export type ProgressListener = (text: string) => void;

/** Reports a download's progress, one line per percent. @returns to be called with the bytes of each piece */
export function progressCounter(
  id: string,
  files: readonly { readonly bytes: number }[],
  onProgress: ProgressListener,
): (bytes: number) => void {
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  let done = 0;
  let shown = -1;
  return (bytes) => {
    done += bytes;
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
    if (percent === shown) return;
    shown = percent;
    onProgress(`downloading ${id}: ${percent} % of ${(total / 1e6).toFixed(1)} MB`);
  };
}
