/**
 * Fetches SwiftShader, a Vulkan driver in software, and a Vulkan loader: with them the WebGPU tests run on a machine
 * without a GPU. Both come out of Debian's `chromium-common` package, by `apt-get download`, which checks the
 * package against the hashes that Debian's archive signs. Nothing is installed and nothing needs root: three files and
 * `environment.json`, the environment that a process needs to find them, are put into a folder of the project's cache.
 *
 *   node scripts/install-swiftshader.mjs [FOLDER]     by default ~/.cache/coxswain/swiftshader
 *
 * Does nothing where the folder is whole. Ends with 1 and says why where the package cannot be had.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";

const sourcePackage = "chromium-common";
const files = ["libvk_swiftshader.so", "libvulkan.so.1", "vk_swiftshader_icd.json"];
const folder = resolve(process.argv[2] ?? join(homedir(), ".cache", "coxswain", "swiftshader"));

class Trouble extends Error {}

/** What the command printed. */
function run(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8", maxBuffer: 1 << 26 });
  if (error !== undefined) throw new Trouble(`${command} cannot be run (${error.message}): this needs Debian`);
  if (status !== 0) throw new Trouble(`${command} ${args.join(" ")}: ${stderr.trim() || `ended with ${status}`}`);
  return stdout;
}

const sha256 = (file) => createHash("sha256").update(readFileSync(file)).digest("hex");

/** Whether the folder has the files that were put there, unchanged. */
function isWhole() {
  try {
    const { sha256: hashes } = JSON.parse(readFileSync(join(folder, "environment.json"), "utf8"));
    return files.every((file) => sha256(join(folder, file)) === hashes[file]);
  } catch {
    return false;
  }
}

/** Package lists of one's own, where the machine's are missing or old: updating those would need root. */
function ownLists(scratch) {
  for (const each of ["state/lists/partial", "cache/archives/partial"]) {
    mkdirSync(join(scratch, each), { recursive: true });
  }
  const options = ["-o", `Dir::State=${join(scratch, "state")}`, "-o", `Dir::Cache=${join(scratch, "cache")}`];
  options.push("-o", "Dir::State::status=/var/lib/dpkg/status", "-o", "APT::Sandbox::User=");
  run("apt-get", [...options, "-qq", "update"], scratch);
  return options;
}

/** @returns the package's file */
function download(scratch) {
  const fetch = (options) => run("apt-get", [...options, "-qq", "download", sourcePackage], scratch);
  try {
    fetch(["-o", "APT::Sandbox::User="]);
  } catch (error) {
    if (!(error instanceof Trouble) || error.message.includes("cannot be run")) throw error;
    fetch(ownLists(scratch));
  }
  const name = readdirSync(scratch).find((file) => file.endsWith(".deb"));
  if (name === undefined) throw new Trouble(`apt-get downloaded no ${sourcePackage}: this needs Debian's archive`);
  return join(scratch, name);
}

function install() {
  if (process.platform !== "linux") throw new Trouble("SwiftShader is taken from Debian's packages: this needs Linux");
  mkdirSync(dirname(folder), { recursive: true });
  const scratch = mkdtempSync(`${folder}.`);
  try {
    const deb = download(scratch);
    const version = run("dpkg-deb", ["-f", deb, "Version"], scratch).trim();
    run("dpkg-deb", ["-x", deb, join(scratch, "unpacked")], scratch);
    const whole = join(scratch, "whole");
    mkdirSync(join(whole, "runtime"), { recursive: true });
    chmodSync(join(whole, "runtime"), 0o700);
    const unpacked = join(scratch, "unpacked", "usr", "lib", "chromium");
    const missing = files.filter((file) => !existsSync(join(unpacked, file)));
    if (missing.length > 0) throw new Trouble(`${sourcePackage} ${version} has no ${missing.join(", ")}`);
    for (const file of files) renameSync(join(unpacked, file), join(whole, file));
    const environment = {
      // The loader: the runtime opens it by name.
      LD_LIBRARY_PATH: folder,
      VK_ICD_FILENAMES: join(folder, "vk_swiftshader_icd.json"),
      XDG_RUNTIME_DIR: join(folder, "runtime"),
    };
    const hashes = Object.fromEntries(files.map((file) => [file, sha256(join(whole, file))]));
    const about = { package: sourcePackage, version, environment, sha256: hashes };
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
    console.log(`${folder}: SwiftShader of ${sourcePackage} ${install()}`);
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    console.error(`SwiftShader cannot be had: ${error.message}`);
    process.exitCode = 1;
  }
}
