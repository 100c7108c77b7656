/** What goes wrong in a simulated cluster, and when. Knows how often, and nothing of how it is done. */
export interface Faults {
  /** Mean time between deaths of a worker, ms; one that died is back after `rebirth` ms. */
  readonly deathsEvery?: number | undefined;
  readonly rebirth?: number | undefined;
  /** Chance that a death takes the machine along: no connection is closed. Default: 0. */
  readonly vanishing?: number | undefined;
  /** Mean time between freezes of a worker, ms, and how long one lasts. */
  readonly freezesEvery?: number | undefined;
  readonly freezeFor?: number | undefined;
  /** Mean time between workers that are asked to leave, ms; another comes after `rebirth` ms. */
  readonly drainsEvery?: number | undefined;
  /** Mean time between workers whose connections break, ms. */
  readonly breaksEvery?: number | undefined;
  /** Mean time between deaths of the coordinator, ms; it is back after 1 s. */
  readonly coordinatorDeathsEvery?: number | undefined;
  /** Mean time between freezes of the coordinator, ms; they last as long as a worker's. */
  readonly coordinatorFreezesEvery?: number | undefined;
  /** Mean time between power cuts, ms: the coordinator and all workers die together, and are back later. */
  readonly powerCutsEvery?: number | undefined;
  /** Mean time between pauses, ms, and how long one is asked for. */
  readonly pausesEvery?: number | undefined;
  readonly pauseFor?: number | undefined;
  /** Mean time between checkpoints that are asked for, ms. */
  readonly checkpointsEvery?: number | undefined;
  /** Nothing of this after so many ms: some faults come too thick for any step to end between them. */
  readonly faultsUntil?: number | undefined;
}

/** Who is hit. */
export interface Victims {
  readonly now: () => number;
  readonly at: (delay: number, act: () => void) => void;
  readonly random: () => number;
  readonly kill: (rebirth: number, silently: boolean) => void;
  readonly freeze: (duration: number) => void;
  readonly drain: (rebirth: number) => void;
  readonly breakConnections: () => void;
  readonly killCoordinator: (back: number) => void;
  readonly freezeCoordinator: (duration: number) => void;
  readonly cutPower: (rebirth: number) => void;
  readonly pause: (duration: number) => void;
  readonly askForCheckpoint: () => void;
}

export function scheduleFaults(faults: Faults, victims: Victims): void {
  const { rebirth = 2_000, freezeFor = 5_000, pauseFor = 3_000, vanishing = 0, faultsUntil = Infinity } = faults;
  const every = (mean: number | undefined, act: () => void): void => {
    if (mean === undefined) return;
    victims.at(mean * (0.5 + victims.random()), () => {
      if (victims.now() > faultsUntil) return;
      act();
      every(mean, act);
    });
  };
  every(faults.deathsEvery, () => victims.kill(rebirth, victims.random() < vanishing));
  every(faults.freezesEvery, () => victims.freeze(freezeFor));
  every(faults.drainsEvery, () => victims.drain(rebirth));
  every(faults.breaksEvery, victims.breakConnections);
  every(faults.coordinatorDeathsEvery, () => victims.killCoordinator(1_000));
  every(faults.coordinatorFreezesEvery, () => victims.freezeCoordinator(freezeFor));
  every(faults.powerCutsEvery, () => victims.cutPower(rebirth));
  every(faults.pausesEvery, () => victims.pause(pauseFor));
  every(faults.checkpointsEvery, victims.askForCheckpoint);
}
