/** What a process needs from its start that uses the browser; null where it is not installed. */
export function chromiumEnvironment(): Record<string, string> | null;
export function startChromium(): Promise<import("playwright-core").Browser>;
