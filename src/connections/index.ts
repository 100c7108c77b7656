/** Connections that others open to this process: how many, and which of them gives way to a newcomer. */
export { addressOf, type PeerAddress } from "./address.js";
export { Crowd } from "./crowd.js";
