/**
 * Fetches SwiftShader, a Vulkan driver in software, and a Vulkan loader: with them the WebGPU tests run on a machine
 * without a GPU. Both come out of Debian's `chromium-common` package; nothing is installed and nothing needs root.
 *
 *   node scripts/install-swiftshader.mjs [FOLDER]     by default ~/.cache/coxswain/swiftshader
 *
 * Does nothing where the folder is whole. Ends with 1 and says why where the package cannot be had.
 */
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { provide, take, unpackPackages } from "./debian.mjs";

const files = ["libvk_swiftshader.so", "libvulkan.so.1", "vk_swiftshader_icd.json"];

provide({
  name: "swiftshader",
  what: "SwiftShader",
  files,
  fill: ({ scratch, whole, folder }) => {
    const { folder: unpacked, versions } = unpackPackages(["chromium-common"], scratch);
    take(
      unpacked,
      files.map((file) => [join("usr", "lib", "chromium", file), file]),
      whole,
    );
    mkdirSync(join(whole, "runtime"));
    chmodSync(join(whole, "runtime"), 0o700);
    const environment = {
      // The loader: the runtime opens it by name.
      LD_LIBRARY_PATH: folder,
      VK_ICD_FILENAMES: join(folder, "vk_swiftshader_icd.json"),
      XDG_RUNTIME_DIR: join(folder, "runtime"),
    };
    return { versions, environment };
  },
});
