/** The environment for a process that uses the browser; null if it is not installed. */
export function chromiumEnvironment(): Record<string, string> | null;
export function startChromium(): Promise<import("playwright-core").Browser>;
