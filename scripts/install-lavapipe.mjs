/**
 * Fetches lavapipe, Mesa's Vulkan driver in software, and a Vulkan loader: with them the WebGPU tests run on a machine
 * without a GPU, float16 included. Nothing is installed and nothing needs root: the driver, the libraries that it wants
 * of what was fetched, and `environment.json`, the environment that a process needs to find them, are put into a folder
 * of the project's cache.
 *
 *   node scripts/install-lavapipe.mjs [FOLDER]     by default ~/.cache/coxswain/lavapipe
 *
 * Does nothing where the folder is whole. Ends with 1 and says why where the packages cannot be had.
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { debianRelease, run, Trouble, unpackPackages } from "./debian-packages.mjs";

const packages = ["mesa-vulkan-drivers", "libvulkan1"];
/** WebGPU's implementation does not take the Mesa of this release (22.3). */
const tooOld = ["bookworm"];
const driver = "libvulkan_lvp.so";
const folder = resolve(process.argv[2] ?? join(homedir(), ".cache", "coxswain", "lavapipe"));

const sha256 = (file) => createHash("sha256").update(readFileSync(file)).digest("hex");

/** Whether the folder has the files that were put there, unchanged. */
function isWhole() {
  try {
    const { sha256: hashes } = JSON.parse(readFileSync(join(folder, "environment.json"), "utf8"));
    return Object.entries(hashes).every(([file, hash]) => sha256(join(folder, file)) === hash);
  } catch {
    return false;
  }
}

/** The driver, the loader, and what the driver is linked with of the libraries beside it. */
function neededLibraries(unpacked) {
  const parent = join(unpacked, "usr", "lib");
  const triple = readdirSync(parent).find((name) => readdirSync(join(parent, name)).includes(driver));
  if (triple === undefined) throw new Trouble(`${packages[0]} has no ${driver}`);
  const libraries = join(parent, triple);
  const linked = run("ldd", [join(libraries, driver)], { env: { ...process.env, LD_LIBRARY_PATH: libraries } });
  const missing = /^\s*(\S+) => not found$/m.exec(linked)?.[1];
  if (missing !== undefined) throw new Trouble(`${driver} wants ${missing}, which no package brought`);
  const paths = [...linked.matchAll(/=> (\S+) /g)].map(([, path]) => path).filter((path) => path.startsWith(libraries));
  return [join(libraries, driver), join(libraries, "libvulkan.so.1"), ...paths];
}

function install() {
  const backports = tooOld.includes(debianRelease());
  mkdirSync(dirname(folder), { recursive: true });
  const scratch = mkdtempSync(`${folder}.`);
  try {
    const unpacked = join(scratch, "unpacked");
    const version = unpackPackages(packages, { scratch, into: unpacked, backports });
    const whole = join(scratch, "whole");
    mkdirSync(join(whole, "runtime"), { recursive: true });
    chmodSync(join(whole, "runtime"), 0o700);
    const libraries = neededLibraries(unpacked);
    for (const library of libraries) copyFileSync(library, join(whole, basename(library)));
    const icd = { file_format_version: "1.0.0", ICD: { api_version: "1.3.0", library_path: join(folder, driver) } };
    writeFileSync(join(whole, "icd.json"), JSON.stringify(icd));
    const environment = {
      LD_LIBRARY_PATH: folder,
      VK_ICD_FILENAMES: join(folder, "icd.json"),
      XDG_RUNTIME_DIR: join(folder, "runtime"),
    };
    const files = ["icd.json", ...libraries.map((path) => basename(path))];
    const hashes = Object.fromEntries(files.map((file) => [file, sha256(join(whole, file))]));
    const about = { package: packages[0], version, environment, sha256: hashes };
    writeFileSync(join(whole, "environment.json"), `${JSON.stringify(about, null, 2)}\n`);
    rmSync(folder, { recursive: true, force: true });
    renameSync(whole, folder);
    return version;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (isWhole()) console.log(`${folder}: there already`);
else {
  try {
    console.log(`${folder}: lavapipe of ${packages[0]} ${install()}`);
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    console.error(`lavapipe cannot be had: ${error.message}`);
    process.exitCode = 1;
  }
}
