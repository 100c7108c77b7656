/**
 * Extracts files from Debian packages; shared by the install scripts of several test tools. `apt-get download` verifies
 * packages against the hashes signed by Debian's archive. Nothing is installed, and root is not needed.
 */
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, Trouble } from "./tool-cache.mjs";

/** "bookworm" */
export function debianRelease() {
  if (process.platform !== "linux") throw new Trouble("requires Debian");
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  if (release === undefined) throw new Trouble("requires Debian");
  return release;
}

/** A release and its backports as the only sources, from this machine's mirror. */
function withBackports(scratch) {
  const release = debianRelease();
  const format = "$(REPO_URI) $(RELEASE)";
  const targets = run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"], { cwd: scratch }).split(
    "\n",
  );
  const uri = targets.map((line) => line.split(" ")).find(([, suite]) => suite === release)?.[0];
  if (uri === undefined) throw new Trouble(`no package source of this machine has Debian ${release}`);
  const line = (suite) => `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${uri} ${suite} main\n`;
  const sources = join(scratch, "sources.list");
  writeFileSync(sources, [release, `${release}-backports`].map(line).join(""));
  const options = ["-o", `Dir::Etc::sourcelist=${sources}`, "-o", "Dir::Etc::sourceparts=-"];
  return [...options, "-o", `APT::Default-Release=${release}-backports`];
}

/** Private package lists, if the machine's are missing or old: updating those would require root. */
function ownLists(scratch, sources = []) {
  for (const each of ["state/lists/partial", "cache/archives/partial"]) {
    mkdirSync(join(scratch, each), { recursive: true });
  }
  const options = [...sources, "-o", `Dir::State=${join(scratch, "state")}`];
  options.push("-o", `Dir::Cache=${join(scratch, "cache")}`);
  options.push("-o", "Dir::State::status=/var/lib/dpkg/status", "-o", "APT::Sandbox::User=");
  run("apt-get", [...options, "-qq", "update"], { cwd: scratch });
  return options;
}

/**
 * Downloads packages and unpacks them together.
 *
 * @param options.dependencies include dependencies that this machine has not installed
 * @param options.backports from the release's backports, if they are newer
 * @returns the folder they are unpacked in, and their versions by name
 */
export function unpackPackages(names, scratch, { dependencies = false, backports = false } = {}) {
  const fetch = (options) => {
    const wanted = dependencies ? [...new Set([...names, ...missingFor(names, options, scratch)])] : names;
    run("apt-get", [...options, "-qq", "download", ...wanted], { cwd: scratch });
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
    const [name, version] = run("dpkg-deb", ["-f", deb, "Package", "Version"], { cwd: scratch })
      .trim()
      .split("\n")
      .map((line) => line.replace(/^\w+: /, ""));
    versions[name] = version;
    run("dpkg-deb", ["-x", deb, folder], { cwd: scratch });
    rmSync(deb);
  }
  const absent = names.filter((name) => versions[name] === undefined);
  if (absent.length > 0) throw new Trouble(`apt-get downloaded no ${absent.join(", ")}: this needs Debian's archive`);
  return { folder, versions };
}

/** The packages that apt would install for these, including themselves if they are not installed. */
const missingFor = (names, options, scratch) =>
  [
    ...run("apt-get", [...options, "-s", "install", "--no-install-recommends", ...names], { cwd: scratch }).matchAll(
      /^Inst (\S+)/gm,
    ),
  ].map(([, name]) => name);

/** Moves files of unpacked packages to their destinations. */
export function take(unpacked, files, whole) {
  for (const [from, to] of files) {
    try {
      renameSync(join(unpacked, from), join(whole, to));
    } catch (error) {
      throw new Trouble(`the package has no ${from} (${error.code})`);
    }
  }
}
