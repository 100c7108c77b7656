/** Runs what a template may refuse. @returns the result; null if it throws */
export function attempt<Result>(render: () => Result): Result | null {
  try {
    return render();
  } catch {
    return null;
  }
}
