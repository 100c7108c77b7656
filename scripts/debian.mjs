/**
 * Files out of Debian's packages, in a folder of the project's cache: what the install scripts of test tools share.
 * `apt-get download` checks packages against the hashes that Debian's archive signs. Nothing is installed, and nothing
 * needs root. Knows nothing of which packages, or what for.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";

/** Why something cannot be had: the user's business, not a bug. */
export class Trouble extends Error {}

/** What a command printed, with this environment besides the process's own. */
export function run(command, args, cwd, environment = {}) {
  const env = { ...process.env, ...environment };
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env,
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  if (error !== undefined) throw new Trouble(`${command} cannot be run (${error.message}): this needs Debian`);
  if (status !== 0) throw new Trouble(`${command} ${args.join(" ")}: ${stderr.trim() || `ended with ${status}`}`);
  return stdout;
}

/** "bookworm" */
export function debianRelease() {
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  if (release === undefined) throw new Trouble("this needs Debian");
  return release;
}

/** A release and its backports as the only sources, from where this machine gets the release. */
function withBackports(scratch) {
  const release = debianRelease();
  const format = "$(REPO_URI) $(RELEASE)";
  const targets = run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"], scratch).split("\n");
  const uri = targets.map((line) => line.split(" ")).find(([, suite]) => suite === release)?.[0];
  if (uri === undefined) throw new Trouble(`no package source of this machine has Debian ${release}`);
  const line = (suite) => `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${uri} ${suite} main\n`;
  const sources = join(scratch, "sources.list");
  writeFileSync(sources, [release, `${release}-backports`].map(line).join(""));
  const options = ["-o", `Dir::Etc::sourcelist=${sources}`, "-o", "Dir::Etc::sourceparts=-"];
  return [...options, "-o", `APT::Default-Release=${release}-backports`];
}

/** Package lists of one's own, where the machine's are missing or old: updating those would need root. */
function ownLists(scratch, sources = []) {
  for (const each of ["state/lists/partial", "cache/archives/partial"]) {
    mkdirSync(join(scratch, each), { recursive: true });
  }
  const options = [...sources, "-o", `Dir::State=${join(scratch, "state")}`];
  options.push("-o", `Dir::Cache=${join(scratch, "cache")}`);
  options.push("-o", "Dir::State::status=/var/lib/dpkg/status", "-o", "APT::Sandbox::User=");
  run("apt-get", [...options, "-qq", "update"], scratch);
  return options;
}

/**
 * Downloads packages and unpacks them together.
 *
 * @param options.dependencies with all that they need and that this machine has not installed
 * @param options.backports from the release's backports, where they are newer
 * @returns the folder they are unpacked in, and their versions by name
 */
export function unpackPackages(names, scratch, { dependencies = false, backports = false } = {}) {
  const fetch = (options) => {
    const wanted = dependencies ? [...new Set([...names, ...missingFor(names, options, scratch)])] : names;
    run("apt-get", [...options, "-qq", "download", ...wanted], scratch);
  };
  if (backports) fetch(ownLists(scratch, withBackports(scratch)));
  else {
    try {
      fetch(["-o", "APT::Sandbox::User="]);
    } catch (error) {
      if (!(error instanceof Trouble) || error.message.includes("cannot be run")) throw error;
      fetch(ownLists(scratch));
    }
  }
  const folder = join(scratch, "unpacked");
  const versions = {};
  for (const file of readdirSync(scratch).filter((name) => name.endsWith(".deb"))) {
    const deb = join(scratch, file);
    const [name, version] = run("dpkg-deb", ["-f", deb, "Package", "Version"], scratch)
      .trim()
      .split("\n")
      .map((line) => line.replace(/^\w+: /, ""));
    versions[name] = version;
    run("dpkg-deb", ["-x", deb, folder], scratch);
    rmSync(deb);
  }
  const absent = names.filter((name) => versions[name] === undefined);
  if (absent.length > 0) throw new Trouble(`apt-get downloaded no ${absent.join(", ")}: this needs Debian's archive`);
  return { folder, versions };
}

/** What apt would install for these packages, themselves included where they are not there. */
const missingFor = (names, options, scratch) =>
  [
    ...run("apt-get", [...options, "-s", "install", "--no-install-recommends", ...names], scratch).matchAll(
      /^Inst (\S+)/gm,
    ),
  ].map(([, name]) => name);

const sha256 = (file) => createHash("sha256").update(readFileSync(file)).digest("hex");

/** Whether a folder has the files that were put there, unchanged. */
function isWhole(folder) {
  try {
    const { sha256: hashes } = JSON.parse(readFileSync(join(folder, "environment.json"), "utf8"));
    return Object.entries(hashes).every(([file, hash]) => sha256(join(folder, file)) === hash);
  } catch {
    return false;
  }
}

/**
 * Fills `~/.cache/coxswain/NAME`, or the folder that the command line names: whole, or not at all. Does nothing where it
 * is whole already; ends the process with 1 and says why where it cannot be had. The folder gets an `environment.json`:
 * the packages' versions, the environment that a process needs to use the tool, and hashes of its files.
 *
 * @param options.what for messages
 * @param options.files that the tool cannot do without, relative to the folder
 * @param options.fill puts them into `whole`, using `scratch`; returns `{ versions, environment }`, which may name
 *   `folder`, where `whole` will be
 */
export function provide({ name, what, files, fill }) {
  const folder = resolve(process.argv[2] ?? join(homedir(), ".cache", "coxswain", name));
  if (isWhole(folder)) {
    console.log(`${folder}: there already`);
    return;
  }
  try {
    const versions = install(folder, what, files, fill);
    console.log(
      `${folder}: ${what} of ${Object.entries(versions)
        .map((entry) => entry.join(" "))
        .join(", ")}`,
    );
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    console.error(`${what} cannot be had: ${error.message}`);
    process.exitCode = 1;
  }
}

function install(folder, what, files, fill) {
  if (process.platform !== "linux") throw new Trouble(`${what} is taken from Debian's packages: this needs Linux`);
  mkdirSync(dirname(folder), { recursive: true });
  const scratch = mkdtempSync(`${folder}.`);
  try {
    const whole = join(scratch, "whole");
    mkdirSync(whole);
    const { versions, environment } = fill({ scratch, whole, folder });
    const hashes = Object.fromEntries(files.map((file) => [file, sha256(join(whole, file))]));
    const about = { packages: versions, environment, sha256: hashes };
    writeFileSync(join(whole, "environment.json"), `${JSON.stringify(about, null, 2)}\n`);
    rmSync(folder, { recursive: true, force: true });
    renameSync(whole, folder);
    return versions;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Moves files of unpacked packages to where they are wanted. */
export function take(unpacked, files, whole) {
  for (const [from, to] of files) {
    try {
      renameSync(join(unpacked, from), join(whole, to));
    } catch (error) {
      throw new Trouble(`the package has no ${from} (${error.code})`);
    }
  }
}
