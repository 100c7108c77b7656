;; WebAssembly SIMD kernels for vectors of f32. Every operation is rounded to f32: WebAssembly has no fused multiply-add
;; outside relaxed SIMD and never flushes subnormals, so the bits are the same on every machine.
;;
;; Addresses are in bytes, counts in elements. Counts must be multiples of 4 (of 8 for the bf16 kernels): the caller
;; works on blocks in this module's memory, which have room for a rounded-up count. Does not know the layout of that
;; memory.
(module
  ;; Room for four blocks of 16 KiB (see kernels.ts): two pages of 64 KiB.
  (memory (export "memory") 2 2)

  ;; into[i] = into[i] + from[i]
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
        (br $next))))

  ;; into[i] = into[i] * factor
  (func (export "scale") (param $into i32) (param $factor f32) (param $count i32)
    (local $end i32)
    (local $factors v128)
    (local.set $end (i32.add (local.get $into) (i32.shl (local.get $count) (i32.const 2))))
    (local.set $factors (f32x4.splat (local.get $factor)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $into) (local.get $end)))
        (v128.store (local.get $into) (f32x4.mul (v128.load (local.get $into)) (local.get $factors)))
        (local.set $into (i32.add (local.get $into) (i32.const 16)))
        (br $next))))

  ;; The sum of from[i] squared in f64, which holds each square exactly. Four running sums, of the elements whose index
  ;; is 0, 1, 2 and 3 modulo 4, are added up as (s0 + s2) + (s1 + s3).
  (func (export "squareSum") (param $from i32) (param $count i32) (result f64)
    (local $end i32)
    (local $four v128)
    (local $pair v128)
    (local $low v128)
    (local $high v128)
    (local.set $end (i32.add (local.get $from) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
        (local.set $four (v128.load (local.get $from)))
        (local.set $pair (f64x2.promote_low_f32x4 (local.get $four)))
        (local.set $low (f64x2.add (local.get $low) (f64x2.mul (local.get $pair) (local.get $pair))))
        (local.set $pair
          (f64x2.promote_low_f32x4
            (i8x16.shuffle 8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15 (local.get $four) (local.get $four))))
        (local.set $high (f64x2.add (local.get $high) (f64x2.mul (local.get $pair) (local.get $pair))))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (br $next)))
    (local.set $low (f64x2.add (local.get $low) (local.get $high)))
    (f64.add (f64x2.extract_lane 0 (local.get $low)) (f64x2.extract_lane 1 (local.get $low))))

  ;; to[i] = bfloat16 nearest to from[i], ties to even; a NaN stays one. 8 elements per iteration; the code is repeated
  ;; for both halves, because a function that takes a vector is not inlined.
  (func (export "toBf16") (param $to i32) (param $from i32) (param $count i32)
    (local $end i32)
    (local $low v128)
    (local $high v128)
    (local $lowKept v128)
    (local $highKept v128)
    (local.set $end (i32.add (local.get $from) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
        (local.set $low (v128.load (local.get $from)))
        (local.set $high (v128.load offset=16 (local.get $from)))
        (local.set $lowKept (i32x4.shr_u (local.get $low) (i32.const 16)))
        (local.set $highKept (i32x4.shr_u (local.get $high) (i32.const 16)))
        (v128.store (local.get $to)
          (i16x8.narrow_i32x4_u
            (v128.bitselect
              ;; A NaN keeps its upper bits and is made quiet, so that it does not become an infinity.
              (v128.or (local.get $lowKept) (v128.const i32x4 0x40 0x40 0x40 0x40))
              ;; Add just under a half, and one more where the kept part is odd: ties go to even.
              (i32x4.shr_u
                (i32x4.add
                  (i32x4.add (local.get $low) (v128.const i32x4 0x7fff 0x7fff 0x7fff 0x7fff))
                  (v128.and (local.get $lowKept) (v128.const i32x4 1 1 1 1)))
                (i32.const 16))
              (f32x4.ne (local.get $low) (local.get $low)))
            (v128.bitselect
              (v128.or (local.get $highKept) (v128.const i32x4 0x40 0x40 0x40 0x40))
              (i32x4.shr_u
                (i32x4.add
                  (i32x4.add (local.get $high) (v128.const i32x4 0x7fff 0x7fff 0x7fff 0x7fff))
                  (v128.and (local.get $highKept) (v128.const i32x4 1 1 1 1)))
                (i32.const 16))
              (f32x4.ne (local.get $high) (local.get $high)))))
        (local.set $from (i32.add (local.get $from) (i32.const 32)))
        (local.set $to (i32.add (local.get $to) (i32.const 16)))
        (br $next))))

  ;; into[i] = into[i] + from[i], where from is bfloat16. 8 elements per iteration.
  (func (export "addBf16") (param $into i32) (param $from i32) (param $count i32)
    (local $end i32)
    (local $eight v128)
    (local.set $end (i32.add (local.get $into) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $into) (local.get $end)))
        (local.set $eight (v128.load (local.get $from)))
        (v128.store (local.get $into)
          (f32x4.add (v128.load (local.get $into))
            (i32x4.shl (i32x4.extend_low_i16x8_u (local.get $eight)) (i32.const 16))))
        (v128.store offset=16 (local.get $into)
          (f32x4.add (v128.load offset=16 (local.get $into))
            (i32x4.shl (i32x4.extend_high_i16x8_u (local.get $eight)) (i32.const 16))))
        (local.set $into (i32.add (local.get $into) (i32.const 32)))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (br $next))))

  ;; to[i] = from[i], where from is bfloat16. 8 elements per iteration.
  (func (export "fromBf16") (param $to i32) (param $from i32) (param $count i32)
    (local $end i32)
    (local $eight v128)
    (local.set $end (i32.add (local.get $to) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $to) (local.get $end)))
        (local.set $eight (v128.load (local.get $from)))
        (v128.store (local.get $to) (i32x4.shl (i32x4.extend_low_i16x8_u (local.get $eight)) (i32.const 16)))
        (v128.store offset=16 (local.get $to)
          (i32x4.shl (i32x4.extend_high_i16x8_u (local.get $eight)) (i32.const 16)))
        (local.set $to (i32.add (local.get $to) (i32.const 32)))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (br $next))))

  ;; into[i] = the bfloat16 nearest to into[i], as f32, rounded like toBf16.
  (func (export "roundBf16") (param $into i32) (param $count i32)
    (local $end i32)
    (local $upper v128)
    (local $four v128)
    (local.set $end (i32.add (local.get $into) (i32.shl (local.get $count) (i32.const 2))))
    (local.set $upper (v128.const i32x4 0xffff0000 0xffff0000 0xffff0000 0xffff0000))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $into) (local.get $end)))
        (local.set $four (v128.load (local.get $into)))
        (v128.store (local.get $into)
          (v128.bitselect
            (v128.or (v128.and (local.get $four) (local.get $upper)) (v128.const i32x4 0x400000 0x400000 0x400000 0x400000))
            (v128.and
              (i32x4.add
                (i32x4.add (local.get $four) (v128.const i32x4 0x7fff 0x7fff 0x7fff 0x7fff))
                (v128.and (i32x4.shr_u (local.get $four) (i32.const 16)) (v128.const i32x4 1 1 1 1)))
              (local.get $upper))
            (f32x4.ne (local.get $four) (local.get $four))))
        (local.set $into (i32.add (local.get $into) (i32.const 16)))
        (br $next))))

  ;; into[i] = the bfloat16 nearest to into[i] + from[i], as f32; the sum is rounded to f32 first.
  (func (export "addRoundBf16") (param $into i32) (param $from i32) (param $count i32)
    (local $end i32)
    (local $upper v128)
    (local $four v128)
    (local.set $end (i32.add (local.get $into) (i32.shl (local.get $count) (i32.const 2))))
    (local.set $upper (v128.const i32x4 0xffff0000 0xffff0000 0xffff0000 0xffff0000))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $into) (local.get $end)))
        (local.set $four (f32x4.add (v128.load (local.get $into)) (v128.load (local.get $from))))
        (v128.store (local.get $into)
          (v128.bitselect
            (v128.or (v128.and (local.get $four) (local.get $upper)) (v128.const i32x4 0x400000 0x400000 0x400000 0x400000))
            (v128.and
              (i32x4.add
                (i32x4.add (local.get $four) (v128.const i32x4 0x7fff 0x7fff 0x7fff 0x7fff))
                (v128.and (i32x4.shr_u (local.get $four) (i32.const 16)) (v128.const i32x4 1 1 1 1)))
              (local.get $upper))
            (f32x4.ne (local.get $four) (local.get $four))))
        (local.set $into (i32.add (local.get $into) (i32.const 16)))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (br $next))))

  ;; Adds up `lanes` vectors of four words, the first of which has the weight `weight`, and each the next: state[0..4] +=
  ;; words, state[4..8] += words * weight, modulo 2^32.
  (func (export "checksum") (param $state i32) (param $from i32) (param $lanes i32) (param $weight i32)
    (local $end i32)
    (local $words v128)
    (local $weights v128)
    (local $sum v128)
    (local $weighted v128)
    (local.set $end (i32.add (local.get $from) (i32.shl (local.get $lanes) (i32.const 4))))
    (local.set $weights (i32x4.splat (local.get $weight)))
    (local.set $sum (v128.load (local.get $state)))
    (local.set $weighted (v128.load offset=16 (local.get $state)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
        (local.set $words (v128.load (local.get $from)))
        (local.set $sum (i32x4.add (local.get $sum) (local.get $words)))
        (local.set $weighted
          (i32x4.add (local.get $weighted) (i32x4.mul (local.get $words) (local.get $weights))))
        (local.set $weights (i32x4.add (local.get $weights) (v128.const i32x4 1 1 1 1)))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (br $next)))
    (v128.store (local.get $state) (local.get $sum))
    (v128.store offset=16 (local.get $state) (local.get $weighted)))

  ;; AdamW in torch's order of operations; the constants are explained where they are computed, in optim/adamw.ts.
  (func (export "adamw")
    (param $parameters i32) (param $m i32) (param $v i32) (param $gradients i32) (param $count i32)
    (param $scale f32) (param $decay f32) (param $fromGradient i32) (param $lerp f32) (param $beta2 f32)
    (param $oneMinusBeta2 f32) (param $correction2 f32) (param $epsilon f32) (param $minusStepSize f32)
    (local $end i32)
    (local $gradient v128)
    (local $first v128)
    (local $second v128)
    (local $base v128)
    (local.set $end (i32.add (local.get $parameters) (i32.shl (local.get $count) (i32.const 2))))
    ;; All ones if m is interpolated from the gradient's end.
    (local.set $base (i32x4.splat (i32.sub (i32.const 0) (local.get $fromGradient))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $parameters) (local.get $end)))
        ;; gradient = sum * scale
        (local.set $gradient
          (f32x4.mul (v128.load (local.get $gradients)) (f32x4.splat (local.get $scale))))
        ;; m = (m or gradient) + lerp * (gradient - m)
        (local.set $first (v128.load (local.get $m)))
        (local.set $first
          (f32x4.add
            (v128.bitselect (local.get $gradient) (local.get $first) (local.get $base))
            (f32x4.mul (f32x4.splat (local.get $lerp)) (f32x4.sub (local.get $gradient) (local.get $first)))))
        (v128.store (local.get $m) (local.get $first))
        ;; v = v * beta2 + ((1 - beta2) * gradient) * gradient
        (local.set $second
          (f32x4.add
            (f32x4.mul (v128.load (local.get $v)) (f32x4.splat (local.get $beta2)))
            (f32x4.mul
              (f32x4.mul (f32x4.splat (local.get $oneMinusBeta2)) (local.get $gradient))
              (local.get $gradient))))
        (v128.store (local.get $v) (local.get $second))
        ;; parameter = parameter * decay + (-step size * m) / (sqrt(v) / correction2 + epsilon)
        (v128.store (local.get $parameters)
          (f32x4.add
            (f32x4.mul (v128.load (local.get $parameters)) (f32x4.splat (local.get $decay)))
            (f32x4.div
              (f32x4.mul (f32x4.splat (local.get $minusStepSize)) (local.get $first))
              (f32x4.add
                (f32x4.div (f32x4.sqrt (local.get $second)) (f32x4.splat (local.get $correction2)))
                (f32x4.splat (local.get $epsilon))))))
        (local.set $parameters (i32.add (local.get $parameters) (i32.const 16)))
        (local.set $m (i32.add (local.get $m) (i32.const 16)))
        (local.set $v (i32.add (local.get $v) (i32.const 16)))
        (local.set $gradients (i32.add (local.get $gradients) (i32.const 16)))
        (br $next)))))
