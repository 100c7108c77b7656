import { it } from "vitest";
import { ClusterSimulation } from "../../support/simulation/cluster.js";
import { randomCluster } from "../../support/simulation/random-cluster.js";
const first = Number(process.env["SEED"] ?? 1), count = Number(process.env["COUNT"] ?? 20);
it("trial", async () => {
  let broken = 0, turns = 0; const start = performance.now();
  for (let seed = first; seed < first + count; seed++) {
    const sim = new ClusterSimulation(randomCluster(seed));
    try { const o = await sim.run(3e6); turns += sim.time.turns; if (process.env["LOUD"]) console.log(seed, o.kind, sim.committed, sim.time.now|0, sim.time.turns, sim.invariants.evaluations.join());
      if (o.kind !== "completed" || [...new Set(sim.invariants.evaluations)].join() !== "3,6,9,10") throw new Error("evaluations " + sim.invariants.evaluations.join() + " " + o.kind); }
    catch (e) { broken++; console.log("SEED", seed, (e as Error).stack?.split("\n").slice(0,3).join(" | ")); }
  }
  console.log("broken", broken, "of", count, "turns", turns, "ms", (performance.now() - start) | 0);
}, 600000);
