export { dateTrouble, readAuthorities, readIdentity } from "./check.js";
export type { Identity } from "./check.js";
export { peerDateTrouble } from "./peer-dates.js";
export { readCertificates } from "./pem-file.js";
export type { NamedFile } from "./pem-file.js";
