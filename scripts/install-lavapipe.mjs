/**
 * Downloads lavapipe, Mesa's software Vulkan driver, and a Vulkan loader, to run the WebGPU tests, including float16,
 * on a machine without a GPU. Both are extracted from Debian packages, with missing dependencies; nothing is installed,
 * and root is not needed.
 *
 *   node scripts/install-lavapipe.mjs        into ~/.cache/coxswain/lavapipe
 */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { debianRelease, unpackPackages } from "./debian.mjs";
import { install, run, Trouble } from "./tool-cache.mjs";

const packages = ["mesa-vulkan-drivers", "libvulkan1"];
/** WebGPU's implementation does not support this release's Mesa (22.3). */
const tooOld = ["bookworm"];
const driver = "libvulkan_lvp.so";

/** The driver, the loader, and what the driver is linked with of the libraries beside it. */
function neededLibraries(unpacked) {
  const parent = join(unpacked, "usr", "lib");
  const triple = readdirSync(parent).find((name) => readdirSync(join(parent, name)).includes(driver));
  if (triple === undefined) throw new Trouble(`${packages[0]} has no ${driver}`);
  const libraries = join(parent, triple);
  const linked = run("ldd", [join(libraries, driver)], { env: { ...process.env, LD_LIBRARY_PATH: libraries } });
  const missing = /^\s*(\S+) => not found$/m.exec(linked)?.[1];
  if (missing !== undefined) throw new Trouble(`${driver} requires ${missing}, which no downloaded package contains`);
  const paths = [...linked.matchAll(/=> (\S+) /g)].map(([, path]) => path).filter((path) => path.startsWith(libraries));
  return [join(libraries, driver), join(libraries, "libvulkan.so.1"), ...paths];
}

install({
  name: "lavapipe",
  version: `${packages.join(" and ")} of Debian`,
  programs: [driver, "libvulkan.so.1", "icd.json"],
  make: ({ scratch, whole, folder }) => {
    const backports = tooOld.includes(debianRelease());
    const { folder: unpacked, versions: packed } = unpackPackages(packages, scratch, { dependencies: true, backports });
    for (const library of neededLibraries(unpacked)) copyFileSync(library, join(whole, basename(library)));
    const icd = { file_format_version: "1.0.0", ICD: { api_version: "1.3.0", library_path: join(folder, driver) } };
    writeFileSync(join(whole, "icd.json"), JSON.stringify(icd));
    mkdirSync(join(whole, "runtime"));
    chmodSync(join(whole, "runtime"), 0o700);
    const environment = {
      // The loader: the runtime opens it by name.
      LD_LIBRARY_PATH: folder,
      VK_ICD_FILENAMES: join(folder, "icd.json"),
      XDG_RUNTIME_DIR: join(folder, "runtime"),
    };
    return { packages: packed, environment };
  },
});
