/** Schedules the faults of a simulated cluster. Does not depend on how they are injected. */
export interface Faults {
  /** Mean time between deaths of a worker, ms; a new worker replaces it after `rebirth` ms. */
  readonly deathsEvery?: number | undefined;
  readonly rebirth?: number | undefined;
  /** Probability that the machine of a killed process vanishes with it: no connection is closed. Default: 0. */
  readonly vanishing?: number | undefined;
  /** Mean time between freezes of a worker, and their duration, ms. */
  readonly freezesEvery?: number | undefined;
  readonly freezeFor?: number | undefined;
  /** Mean time between requests to a worker to leave, ms; a new worker replaces it after `rebirth` ms. */
  readonly drainsEvery?: number | undefined;
  /** Mean time between failures of all connections of a worker, ms. */
  readonly breaksEvery?: number | undefined;
  /** Mean time between deaths of the coordinator, ms; it restarts after 1 s. */
  readonly coordinatorDeathsEvery?: number | undefined;
  /** Mean time between freezes of the coordinator, ms; they last `freezeFor` ms. */
  readonly coordinatorFreezesEvery?: number | undefined;
  /** Mean time between power cuts, ms: the coordinator and all workers die together and restart later. */
  readonly powerCutsEvery?: number | undefined;
  /** Mean time between pauses, and their requested duration, ms. */
  readonly pausesEvery?: number | undefined;
  readonly pauseFor?: number | undefined;
  /** Mean time between checkpoint requests, ms. */
  readonly checkpointsEvery?: number | undefined;
  /** No faults after this time, ms: some are so frequent that no step could complete between them. */
  readonly faultsUntil?: number | undefined;
}

/** The actions that inject the faults. */
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
