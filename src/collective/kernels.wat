;; WebAssembly SIMD kernels over f32 vectors.
(module
  (memory (export "memory") 1)

  ;; into[i] += from[i]; `count` floats, a multiple of 4; addresses in bytes.
  (func (export "add") (param $into i32) (param $from i32) (param $count i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $into) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $into) (local.get $end)))
        (v128.store (local.get $into)
          (f32x4.add (v128.load (local.get $into)) (v128.load (local.get $from))))
        (local.set $into (i32.add (local.get $into) (i32.const 16)))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (br $next)))))
