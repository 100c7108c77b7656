/**
 * Downloads Chromium, a font and missing dependencies, to test the live page in a real browser. Everything is extracted
 * from Debian packages; nothing is installed, and root is not needed.
 *
 *   node scripts/install-chromium.mjs        into ~/.cache/coxswain/chromium
 */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { take, unpackPackages } from "./debian.mjs";
import { install, run } from "./tool-cache.mjs";

const packages = ["chromium", "chromium-common", "fonts-dejavu-core"];

/** Fontconfig's settings: these fonts, whatever the machine has. */
const fontConfiguration = (folder) => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${join(folder, "usr", "share", "fonts")}</dir>
  <cachedir>${join(folder, "font-cache")}</cachedir>
</fontconfig>
`;

/** Folders of shared libraries within the unpacked packages. */
const libraryFolders = (root) =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(({ name, parentPath }) => /\.so(?:\.|$)/.test(name) && /-linux-gnu(?:\/[^/]+)?$/.test(parentPath))
    .map(({ parentPath }) => relative(root, parentPath));

/** The environment of a process that uses the browser in this folder. */
const environmentIn = (root, libraries) => ({
  FONTCONFIG_FILE: join(root, "fonts.conf"),
  LD_LIBRARY_PATH: libraries.map((each) => join(root, each)).join(":"),
});

const program = join("usr", "lib", "chromium", "chromium");

install({
  name: "chromium",
  version: `${packages.join(", ")} of Debian`,
  programs: [program, "fonts.conf"],
  make: ({ scratch, whole, folder }) => {
    const { folder: unpacked, versions: packed } = unpackPackages(packages, scratch, { dependencies: true });
    const parts = readdirSync(unpacked).filter((part) => part === "usr" || part === "lib");
    take(
      unpacked,
      parts.map((part) => [part, part]),
      whole,
    );
    mkdirSync(join(whole, "font-cache"));
    writeFileSync(join(whole, "fonts.conf"), fontConfiguration(folder));
    const libraries = [...new Set(libraryFolders(whole))];
    // Says which library is missing, if one is.
    run(join(whole, program), ["--version"], { env: { ...process.env, ...environmentIn(whole, libraries) } });
    const environment = environmentIn(folder, libraries);
    return { packages: packed, environment };
  },
});
