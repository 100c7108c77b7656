/** What decides in the product, and how large its messages are: see product.mjs. */
export interface Product {
  readonly ClusterMachine: unknown;
  readonly LeasePlan: unknown;
  readonly SliceReducer: unknown;
  coordinatorMessageBytes(message: object): number;
  workerMessageBytes(message: object): number;
}

export interface Link {
  /** Bytes a second, each way. */
  readonly bandwidth: number;
  /** Seconds. */
  readonly roundTrip: number;
}

/** See simulate.mjs. */
export interface Scenario {
  readonly workers: number;
  readonly shards: number;
  readonly floats: number;
  readonly dtype: "float32" | "bfloat16";
  readonly link: Link;
  /** 0: star. */
  readonly reducers: number;
  readonly computeSeconds: number;
  readonly jitter: number;
  readonly shardBytes: number;
  readonly pieceBytes?: number;
  readonly steps?: number;
}

/** Of a step. */
export interface Costs {
  readonly stepSeconds: number;
  /** Beyond computing. */
  readonly reductionSeconds: number;
  readonly coordinator: {
    readonly cpuSeconds: number;
    readonly bytesIn: number;
    readonly bytesOut: number;
    readonly messageBytesSent: number;
  };
  /** The busiest. */
  readonly worker: { readonly cpuSeconds: number; readonly bytesIn: number; readonly bytesOut: number };
  readonly calls: number;
}

export interface Modelled extends Costs {
  readonly share: number;
  /** Bytes that the coordinator holds of gradients. */
  readonly memory: number;
}

export interface Simulated extends Costs {
  /** Shards taken from workers that counted as late: nothing that the formulas know of. */
  readonly lost: number;
}

export const links: Readonly<Record<"lan" | "wan", Link>>;
export function reducersOf(workers: number, floats: number): number;
export function scenarioOf(options: {
  readonly workers: number;
  readonly floats: number;
  readonly dtype: Scenario["dtype"];
  readonly link: Link;
  readonly scheme: "star" | "mesh";
  readonly steps?: number;
}): Scenario;

export function contributionsOf(shards: number, workers: number): number;
export function star(scenario: Scenario): Modelled;
export function mesh(scenario: Scenario): Modelled;
export function twoLevelMesh(scenario: Scenario & { readonly group: number }): Modelled;
export function bestTwoLevelMesh(scenario: Scenario): Modelled & { readonly group: number };

export function simulate(product: Product, scenario: Scenario): Promise<Simulated>;
export function standIn(order: "announced" | "product"): unknown;
export function allReduceOnOneMachine(
  product: Pick<Product, "SliceReducer">,
  scenario: {
    readonly workers: number;
    readonly floats: number;
    readonly dtype: Scenario["dtype"];
    readonly variant: "star" | "mesh" | "mesh+coordinator";
    readonly cores: number;
  },
): Promise<{ readonly seconds: number; readonly cpuSeconds: number }>;
