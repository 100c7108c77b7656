/** A page in the browser of a test: opened with all that it asks for and complains of, waited for, and photographed. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";

/** Screenshots for whoever wants to look: COXSWAIN_TEST_SCREENSHOTS=FOLDER. */
const screenshots = process.env["COXSWAIN_TEST_SCREENSHOTS"];

const screens = {
  desktop: { width: 1280, height: 1000 },
  phone: { width: 390, height: 844 },
} as const;

export type Screen = keyof typeof screens;

export interface OpenedPage {
  readonly page: Page;
  readonly requests: readonly string[];
  /** Errors and warnings of the console, uncaught errors, dialogs. */
  readonly complaints: readonly string[];
}

/** @param address HOST:PORT */
export async function openPage(
  browser: Browser,
  address: string,
  screen: Screen = "desktop",
  colorScheme: "light" | "dark" = "light",
): Promise<OpenedPage> {
  const page = await browser.newPage({ viewport: screens[screen], colorScheme });
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("dialog", (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(`http://${address}/`);
  return { page, requests, complaints };
}

/** Until the page says that the run or the sweep is in this state. @param timeout ms */
export const untilState = (page: Page, state: string, timeout = 120_000): Promise<void> =>
  page
    .locator("#state")
    .filter({ hasText: new RegExp(`^${state}$`) })
    .waitFor({ timeout });

export async function screenshot(page: Page, name: string): Promise<void> {
  if (screenshots === undefined) return;
  mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
}
