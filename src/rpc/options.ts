/** Channel options: measured values for bulk data, and long timeouts for control streams. */
import type { ChannelOptions } from "@grpc/grpc-js";

const MiB = 1024 * 1024;

/** Leases carry token ids of whole shards, which can exceed gRPC's 4 MiB; the user chose to trust the coordinator. */
const largestControlMessage = 256 * MiB;

/** Flow-control window of a client that receives bulk data, bytes: hides 10 ms of latency at 600 MiB/s. */
const bulkWindow = 8 * MiB;

const common: ChannelOptions = {
  // Otherwise the library uses http_proxy, https_proxy and grpc_proxy from the environment: see route.ts.
  "grpc.enable_http_proxy": 0,
  // Otherwise write callbacks are called before the data is sent, and memory grows without bound.
  "grpc.per_rpc_retry_buffer_size": 0,
  "grpc.enable_retries": 0,
  // A worker's event loop may be blocked for seconds; heartbeats detect dead peers, not the transport.
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 20_000,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 5_000,
};

export const controlChannelOptions: ChannelOptions = {
  ...common,
  // The next attempt must not reuse a connection that hangs.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.max_receive_message_length": largestControlMessage,
};

/** A separate connection per direction of bulk data: both directions on one connection can deadlock. */
export const bulkChannelOptions: ChannelOptions = {
  ...common,
  "grpc.use_local_subchannel_pool": 1,
  "grpc-node.flow_control_window": bulkWindow,
  "grpc.max_receive_message_length": 2 * MiB,
};

/** Bytes of the largest message from a worker to its coordinator: a chunk of 1 MiB plus overhead. */
export const largestWorkerMessage = MiB + 1024;

/** Bytes of the largest request to a worker's own server: a few numbers. */
export const largestRequest = 4 * 1024;

export const serverOptions: ChannelOptions = {
  ...common,
  "grpc.max_send_message_length": largestControlMessage,
  // Concurrent calls per connection: a worker that gathers slices has a few dozen; more wait on the client's side.
  "grpc.max_concurrent_streams": 128,
};
