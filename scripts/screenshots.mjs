/**
 * Creates the screenshots of README.md: runs the quickstart in a terminal and opens its live page in Chromium.
 * Needs `node scripts/install-chromium.mjs`, and `script` of util-linux for the terminal.
 *
 *   npm run screenshots        writes docs/images/quickstart.png and docs/images/live-page.png
 */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { chromiumEnvironment, startChromium } from "./chromium.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const images = join(root, "docs", "images");
const require = createRequire(import.meta.url);

/** For a trial: --set training.max_steps=20. */
const trainArguments = process.argv.slice(2);
const columns = 110;
/** More lines than the quickstart prints. */
const rows = 120;
/** The share of steps after which the live page is opened. */
const share = 0.8;

if (chromiumEnvironment() === null) {
  console.error("error: Chromium is not installed\nhint: node scripts/install-chromium.mjs");
  process.exit(2);
}
const browser = await startChromium();
try {
  let livePage;
  const output = await quickstart((address) => (livePage = pictureLivePage(address)));
  await livePage;
  await pictureTerminal(output);
} finally {
  await browser.close();
}

/**
 * Runs the quickstart in a terminal of its own.
 * @param onLivePage called once, with the address of the live page
 * @returns what it wrote, control sequences included
 */
function quickstart(onLivePage) {
  const command = `stty cols ${columns} rows ${rows}; exec node examples/quickstart/quickstart.mjs ${trainArguments.join(" ")}`;
  const terminal = spawn("script", ["--quiet", "--flush", "--return", "--command", command, "/dev/null"], {
    cwd: root,
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, TERM: "xterm-256color", LANG: "C.UTF-8", NO_COLOR: "" },
  });
  let output = "";
  let told = false;
  terminal.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
    const [address] = /http:\/\/[\d.]+:\d+\/(?=\s)/.exec(stripVTControlCharacters(output)) ?? [];
    if (address === undefined || told) return;
    told = true;
    onLivePage(address);
  });
  return new Promise((resolve, reject) => {
    terminal.on("error", reject);
    terminal.on("close", (code) => {
      if (code === 0 && told) resolve(output);
      else reject(new Error(`the quickstart ended with ${code}${told ? "" : ", and named no live page"}:\n${output}`));
    });
  });
}

async function pictureLivePage(address) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1200 }, colorScheme: "light" });
  await page.goto(address);
  const isFar = (least) => {
    const { value, max } = globalThis.document.getElementById("progress");
    return value / max >= least;
  };
  await page.waitForFunction(isFar, share, { timeout: 600_000 });
  // To the end of the first charts.
  const { y, height } = await page.locator("#loss-chart").boundingBox();
  save("live-page.png", await page.screenshot({ clip: { x: 0, y: 0, width: 1280, height: y + height + 25 } }));
  await page.close();
}

/** The part from the training on, to the first answers, as a terminal shows it. */
async function pictureTerminal(output) {
  const page = await browser.newPage({ viewport: { width: 1000, height: 2400 } });
  const xterm = dirname(require.resolve("@xterm/xterm/package.json"));
  await page.setContent('<body style="margin: 0; background: #1b2129"><div id="terminal"></div></body>');
  await page.addStyleTag({ content: readFileSync(join(xterm, "css", "xterm.css"), "utf8") });
  await page.addScriptTag({ content: readFileSync(join(xterm, "lib", "xterm.js"), "utf8") });
  // As in anybody's clone.
  const shown = output.replaceAll(root, "~/coxswain");
  const box = await page.evaluate(drawTerminal, { output: shown, columns, rows });
  save("quickstart.png", await page.screenshot({ clip: box }));
  await page.close();
}

/** In the browser. @returns where on the page the lines are that are shown */
async function drawTerminal({ output, columns, rows }) {
  const theme = { background: "#1b2129", foreground: "#dfe4ea", green: "#4ade80", cyan: "#67d3e8" };
  const terminal = new globalThis.Terminal({
    cols: columns,
    rows,
    theme: { ...theme, brightBlack: "#5b6776" },
    fontFamily: "DejaVu Sans Mono",
    fontSize: 14,
    cursorInactiveStyle: "none",
  });
  terminal.open(globalThis.document.getElementById("terminal"));
  await new Promise((resolve) => terminal.write(output, resolve));
  const lines = Array.from({ length: rows }, (_, index) =>
    terminal.buffer.active.getLine(index).translateToString(true),
  );
  const first = lines.findIndex((line) => line.startsWith("2/3"));
  // Two answers of the four.
  const last = lines.findIndex(
    (line, index) => line === "" && lines.slice(0, index).join("\n").split("after     ").length > 2,
  );
  const screen = globalThis.document.querySelector(".xterm-screen").getBoundingClientRect();
  const height = screen.height / rows;
  const margin = 10;
  await new Promise((resolve) => globalThis.requestAnimationFrame(() => globalThis.requestAnimationFrame(resolve)));
  globalThis.document.getElementById("terminal").style.paddingLeft = `${margin}px`;
  return {
    x: 0,
    y: screen.top + first * height - margin,
    width: screen.width + 2 * margin,
    height: (last - first) * height + 2 * margin,
  };
}

function save(name, picture) {
  mkdirSync(images, { recursive: true });
  writeFileSync(join(images, name), picture);
  console.log(`docs/images/${name}: ${Math.round(picture.length / 1000)} KB`);
}
