/**
 * Fetches Chromium, a font, and whatever they need that this machine has not: with them the live page is tested in a real
 * browser. All of it comes out of Debian's packages; nothing is installed and nothing needs root.
 *
 *   node scripts/install-chromium.mjs [FOLDER]     by default ~/.cache/coxswain/chromium
 *
 * Does nothing where the folder is whole. Ends with 1 and says why where the packages cannot be had.
 */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { provide, run, take, unpackPackages } from "./debian.mjs";

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

/** What a process needs that uses a browser in this folder. */
const environmentIn = (root, libraries) => ({
  FONTCONFIG_FILE: join(root, "fonts.conf"),
  LD_LIBRARY_PATH: libraries.map((each) => join(root, each)).join(":"),
});

const program = join("usr", "lib", "chromium", "chromium");

provide({
  name: "chromium",
  what: "Chromium",
  files: [program, "fonts.conf"],
  fill: ({ scratch, whole, folder }) => {
    const { folder: unpacked, versions } = unpackPackages(packages, scratch, { dependencies: true });
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
    run(join(whole, program), ["--version"], whole, environmentIn(whole, libraries));
    const environment = environmentIn(folder, libraries);
    return { versions, environment };
  },
});
