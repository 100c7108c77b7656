/** Channel options: measured choices for bulk data and patient control streams. */
import type { ChannelOptions } from "@grpc/grpc-js";

const MiB = 1024 * 1024;

/** Leases carry token ids of whole shards: larger than gRPC's 4 MiB, and from a coordinator that was chosen. */
const largestControlMessage = 256 * MiB;

/** What a client that receives bulk may have in flight, bytes: hides 10 ms of latency at 600 MiB/s. */
const bulkWindow = 8 * MiB;

const common: ChannelOptions = {
  // Otherwise the library takes http_proxy, https_proxy and grpc_proxy of the environment: see route.ts.
  "grpc.enable_http_proxy": 0,
  // Otherwise write callbacks come before the data has left, and memory grows without bound.
  "grpc.per_rpc_retry_buffer_size": 0,
  "grpc.enable_retries": 0,
  // A worker's event loop may be busy for seconds; silence is judged by heartbeats, not by the transport.
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 20_000,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 5_000,
};

export const controlChannelOptions: ChannelOptions = {
  ...common,
  // A connection that hangs is not to be found again by the next attempt.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.max_receive_message_length": largestControlMessage,
};

/** A connection of its own for each direction of bulk: both ways on one connection can deadlock. */
export const bulkChannelOptions: ChannelOptions = {
  ...common,
  "grpc.use_local_subchannel_pool": 1,
  "grpc-node.flow_control_window": bulkWindow,
  "grpc.max_receive_message_length": 2 * MiB,
};

/** Bytes of the largest message that workers send their coordinator: a chunk of 1 MiB and what is around it. */
export const largestWorkerMessage = MiB + 1024;

/** Bytes of the largest request to a worker's own server: a few numbers. */
export const largestRequest = 4 * 1024;

export const serverOptions: ChannelOptions = {
  ...common,
  "grpc.max_send_message_length": largestControlMessage,
  // Calls at once on one connection: a worker that gathers slices has a few dozen; the rest wait on its side.
  "grpc.max_concurrent_streams": 128,
};
