/** A certificate for a name, of an authority that signed this one alone: as cert-manager writes it into a Secret. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./processes.js";

const files = ["ca.crt", "tls.crt", "tls.key"];
const newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

/** @returns PEM texts, by the names of a Secret's keys */
export function certificateSecret(name: string): Record<string, string> {
  const folder = temporaryFolder();
  const openssl = (words: string): void =>
    void execFileSync("openssl", words.split(" "), { cwd: folder, stdio: "ignore" });
  writeFileSync(join(folder, "names.txt"), `subjectAltName=DNS:${name}\n`);
  openssl(`req -x509 ${newKey} -days 2 -subj /CN=authority -keyout ca.key -out ca.crt`);
  openssl(`req -new ${newKey} -subj /CN=${name} -keyout tls.key -out tls.csr`);
  openssl("x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names.txt -out tls.crt");
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, file), "utf8")]));
}
