/** Certificates for tests, made with openssl. */
import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

/** Runs openssl in a folder; the words have no spaces in them. */
export function openssl(folder: string, words: string): void {
  execFileSync("openssl", words.split(/\s+/), { cwd: folder, stdio: "ignore" });
}

const newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

/** An authority: NAME.pem and NAME-key.pem. */
export function makeAuthority(folder: string, name: string): void {
  openssl(folder, `req -x509 ${newKey} -days 2 -subj /CN=${name} -keyout ${name}-key.pem -out ${name}.pem`);
}

/** A certificate that an authority has signed: NAME.pem and NAME-key.pem. */
export function makeCertificate(folder: string, name: string, authority: string): void {
  writeFileSync(join(folder, "names.txt"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  openssl(folder, `req -new ${newKey} -subj /CN=${name} -keyout ${name}-key.pem -out ${name}.csr`);
  const signing = `-CA ${authority}.pem -CAkey ${authority}-key.pem -CAcreateserial -days 2 -extfile names.txt`;
  openssl(folder, `x509 -req -in ${name}.csr ${signing} -out ${name}.pem`);
}
