/** Creates a NATS operator with an account, like `nsc`: server configuration that trusts it, and .creds files. */
import {
  createAccount,
  createOperator,
  createUser,
  encodeAccount,
  encodeOperator,
  encodeUser,
  fmtCreds,
} from "@nats-io/jwt";

export interface NatsOperator {
  /** Lines of the server configuration. */
  readonly configuration: string;
  /** The text of a .creds file. @param expires seconds since 1970 */
  credentials(user: string, expires?: number): Promise<string>;
}

export async function makeOperator(): Promise<NatsOperator> {
  const operator = createOperator();
  const system = createAccount();
  const account = createAccount();
  const unlimited = {
    ...{ conn: -1, subs: -1, data: -1, payload: -1, leaf: -1, imports: -1, exports: -1, wildcards: true },
    ...{ mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 },
  };
  const [trusted, systemToken, accountToken] = await Promise.all([
    encodeOperator("operator", operator, { system_account: system.getPublicKey() }),
    encodeAccount("system", system, {}, { signer: operator }),
    encodeAccount("training", account, { limits: unlimited }, { signer: operator }),
  ]);
  return {
    configuration: [
      `operator: ${trusted}`,
      "resolver: MEMORY",
      `resolver_preload: { ${system.getPublicKey()}: ${systemToken}, ${account.getPublicKey()}: ${accountToken} }`,
    ].join("\n"),
    credentials: async (user, expires) => {
      const keys = createUser();
      const token = await encodeUser(user, keys, account, {}, expires === undefined ? {} : { exp: expires });
      return new TextDecoder().decode(fmtCreds(token, keys));
    },
  };
}
