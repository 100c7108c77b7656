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

/**
 * A certificate that an authority has signed: NAME.pem and NAME-key.pem.
 * @param days that it is valid from now on; below 0: it is out of date
 */
export function makeCertificate(folder: string, name: string, authority: string, days = 2): void {
  writeFileSync(join(folder, "names.txt"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  openssl(folder, `req -new ${newKey} -subj /CN=${name} -keyout ${name}-key.pem -out ${name}.csr`);
  const signing = `-CA ${authority}.pem -CAkey ${authority}-key.pem -CAcreateserial -days ${days} -extfile names.txt`;
  openssl(folder, `x509 -req -in ${name}.csr ${signing} -out ${name}.pem`);
}

const signer = `[ca]
default_ca = signer
[signer]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = DNS:localhost,IP:127.0.0.1
`;

/** One that is valid from 2090 on. */
export function makeFutureCertificate(folder: string, name: string, authority: string): void {
  writeFileSync(join(folder, "signer.cnf"), signer);
  writeFileSync(join(folder, "index.txt"), "");
  writeFileSync(join(folder, "serial"), "01\n");
  openssl(folder, `req -new ${newKey} -subj /CN=${name} -keyout ${name}-key.pem -out ${name}.csr`);
  const signing = `-batch -notext -config signer.cnf -cert ${authority}.pem -keyfile ${authority}-key.pem`;
  openssl(folder, `ca ${signing} -in ${name}.csr -out ${name}.pem -startdate 20900101000000Z -enddate 20910101000000Z`);
}
