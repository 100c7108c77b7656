/**
 * Files of Debian packages without installing them and without root: downloaded by apt, which checks them against the
 * hashes that Debian's archive signs, with package lists of one's own, since the machine's may be missing or old.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Something that the user can do something about: its message says what is missing. */
export class Trouble extends Error {}

/** What the command printed. */
export function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 1 << 26,
    ...options,
  });
  if (error !== undefined) throw new Trouble(`${command} cannot be run (${error.message}): this needs Debian`);
  if (status !== 0) throw new Trouble(`${command} ${args.join(" ")}: ${stderr.trim() || `ended with ${status}`}`);
  return stdout;
}

/** "bookworm" */
export function debianRelease() {
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  if (process.platform !== "linux" || release === undefined) throw new Trouble("this needs Debian");
  return release;
}

/** The archive that this machine gets its Debian from. */
function archive(release) {
  const targets = run("apt-get", ["indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"]);
  const uri = targets
    .split("\n")
    .map((line) => line.split(" "))
    .find(([, suite]) => suite === release)?.[0];
  if (uri === undefined) throw new Trouble(`no package source of this machine has Debian ${release}`);
  return uri;
}

/**
 * Unpacks packages, with those that they depend on and that this machine lacks.
 * @param scratch an empty folder for lists and archives
 * @param into where the packages' files are put, as below "/"
 * @param backports take packages from the release's backports, where they are newer
 * @returns the version of the first
 */
export function unpackPackages(names, { scratch, into, backports = false }) {
  const release = debianRelease();
  for (const each of ["state/lists/partial", "cache/archives/partial"]) {
    mkdirSync(join(scratch, each), { recursive: true });
  }
  const suites = backports ? [release, `${release}-backports`] : [release];
  const key = "/usr/share/keyrings/debian-archive-keyring.gpg";
  const uri = archive(release);
  const sources = suites.map((suite) => `deb [signed-by=${key}] ${uri} ${suite} main\n`);
  writeFileSync(join(scratch, "sources.list"), sources.join(""));
  const settings = {
    "Dir::State": join(scratch, "state"),
    "Dir::State::status": "/var/lib/dpkg/status",
    "Dir::Cache": join(scratch, "cache"),
    "Dir::Etc::sourcelist": join(scratch, "sources.list"),
    "Dir::Etc::sourceparts": "-",
    "APT::Sandbox::User": "",
    "Debug::NoLocking": "true",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  run("apt-get", [...options, "-qq", "update"]);
  const from = backports ? ["-t", `${release}-backports`] : [];
  const how = ["-qq", "-y", "--download-only", "--no-install-recommends", "--reinstall", ...from];
  run("apt-get", [...options, "install", ...how, ...names]);
  const archives = join(scratch, "cache", "archives");
  const files = readdirSync(archives).filter((file) => file.endsWith(".deb"));
  for (const file of files) run("dpkg-deb", ["-x", join(archives, file), into]);
  const first = files.find((file) => file.startsWith(`${names[0]}_`));
  if (first === undefined) throw new Trouble(`apt-get downloaded no ${names[0]}`);
  return run("dpkg-deb", ["-f", join(archives, first), "Version"]).trim();
}
