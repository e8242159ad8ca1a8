;; SPDX-License-Identifier: Apache-2.0
;; The loops that most bytes of a recording pass through: from event to event, and from constant to
;; constant; and through the metadata, for processes too short for JavaScript to become fast in.
;; WebAssembly, because it steps over an event in 1.7 ns where JavaScript takes 7. What is odd
;; (a huge number, an event that is not whole) is left to the TypeScript beside it (scan.ts, pool.ts),
;; which is also what tests hold this to.
;;
;; `node tools/wat.mjs` makes scan-module.ts of this; a test compares the two.
(module
  ;; 0        tally: per type id below 16384 an i64, events in its low half and their bytes in its high half
  ;; 131072   table: per type id below 16384 a byte
  ;; 147456   program: what a constant consists of
  ;; 148480   for the caller: keys, offsets, and the bytes to look at
  (memory (export "memory") 3)

  ;; Where `index` came to.
  (global $position (export "position") (mut i32) (i32.const 0))

  ;; Steps over events from $p as long as the table says $value of their types, and may tally them. Returns
  ;; where it says otherwise, where an event is of another form than a size of up to four bytes and a type
  ;; id of up to two, where one is not whole, or less than 8 bytes before $end. It calls nothing: a call in
  ;; it, even one that is never made, costs a sixth of its speed.
  (func $common (param $p i32) (param $end i32) (param $value i32) (param $tallied i32)
      (result i32)
    (local $safe i32) (local $head i32) (local $size i32) (local $at i32) (local $id i32) (local $next i32)
    (local.set $safe (i32.sub (local.get $end) (i32.const 8)))
    (block $out
      (loop $events
        (br_if $out (i32.gt_s (local.get $p) (local.get $safe)))
        ;; the size: 7 bits of each byte
        (local.set $size (i32.load8_u (local.get $p)))
        (local.set $at (i32.add (local.get $p) (i32.const 1)))
        (if (i32.gt_u (local.get $size) (i32.const 127)) (then
          (local.set $head (i32.load align=1 (local.get $p)))
          (local.set $size (i32.or (i32.and (local.get $head) (i32.const 0x7f))
            (i32.and (i32.shr_u (local.get $head) (i32.const 1)) (i32.const 0x3f80))))
          (local.set $at (i32.add (local.get $p) (i32.const 2)))
          (if (i32.and (local.get $head) (i32.const 0x8000)) (then
            (local.set $size (i32.or (local.get $size)
              (i32.and (i32.shr_u (local.get $head) (i32.const 2)) (i32.const 0x1fc000))))
            (local.set $at (i32.add (local.get $p) (i32.const 3)))
            (if (i32.and (local.get $head) (i32.const 0x800000)) (then
              (br_if $out (i32.lt_s (local.get $head) (i32.const 0)))
              (local.set $size (i32.or (local.get $size)
                (i32.and (i32.shr_u (local.get $head) (i32.const 3)) (i32.const 0xfe00000))))
              (local.set $at (i32.add (local.get $p) (i32.const 4)))))))))
        ;; the type id
        (local.set $id (i32.load8_u (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (if (i32.gt_u (local.get $id) (i32.const 127)) (then
          (local.set $head (i32.load8_u (local.get $at)))
          (br_if $out (i32.gt_u (local.get $head) (i32.const 127)))
          (local.set $id (i32.or
            (i32.and (local.get $id) (i32.const 127))
            (i32.shl (local.get $head) (i32.const 7))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))))
        ;; an event smaller than its own head, or beyond the end
        (local.set $next (i32.add (local.get $p) (local.get $size)))
        (br_if $out (i32.lt_u (local.get $next) (local.get $at)))
        (br_if $out (i32.gt_u (local.get $next) (local.get $end)))
        (br_if $out (i32.ne (i32.load8_u offset=131072 (local.get $id)) (local.get $value)))
        (if (local.get $tallied) (then
          (local.set $id (i32.shl (local.get $id) (i32.const 3)))
          (i64.store (local.get $id) (i64.add (i64.load (local.get $id))
            (i64.or (i64.shl (i64.extend_i32_u (local.get $size)) (i64.const 32)) (i64.const 1))))))
        (local.set $p (local.get $next))
        (br $events)))
    (local.get $p))

  ;; Where an event probably begins, behind $from: where a size and a type id are as those of the event at
  ;; $p. -1 where they are not near. Whoever uses it finds out whether it is true.
  (func $guess (param $p i32) (param $from i32) (result i32)
    (local $head i32) (local $mask i32) (local $at i32) (local $until i32)
    (local.set $at (local.get $p))
    (loop $size
      (local.set $head (i32.load8_u (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $size (i32.gt_u (local.get $head) (i32.const 127))))
    (local.set $mask (select (i32.const 0xffffff) (i32.const 0xffff)
      (i32.gt_u (i32.load8_u (local.get $at)) (i32.const 127))))
    (if (i32.gt_u (local.get $at) (i32.add (local.get $p) (i32.const 1)))
      (then (local.set $mask (i32.const -1))))
    (local.set $head (i32.and (i32.load align=1 (local.get $p)) (local.get $mask)))
    (local.set $until (i32.add (local.get $from) (i32.const 1024)))
    (loop $search
      (if (i32.eq (i32.and (i32.load align=1 (local.get $from)) (local.get $mask)) (local.get $head))
        (then (return (local.get $from))))
      (local.set $from (i32.add (local.get $from) (i32.const 1)))
      (br_if $search (i32.lt_u (local.get $from) (local.get $until))))
    (i32.const -1))

  ;; As $common where the table is to say 0 and nothing is tallied, from $p and from the middle at once:
  ;; a step waits for the load of the step before, and so the steps of two lanes take the time of one.
  ;; The second begins where an event probably does; what it did counts if the first comes out there.
  (func $lanes (param $p i32) (param $end i32) (result i32)
    (local $middle i32) (local $q i32) (local $safe i32)
    (local $head i32) (local $size i32) (local $at i32) (local $id i32) (local $next i32)
    (local.set $middle (call $guess (local.get $p)
      (i32.add (local.get $p) (i32.shr_u (i32.sub (local.get $end) (local.get $p)) (i32.const 1)))))
    (if (i32.lt_s (local.get $middle) (i32.const 0)) (then (return (local.get $p))))
    (local.set $q (local.get $middle))
    (local.set $safe (i32.sub (local.get $end) (i32.const 8)))
    (block $out
      (loop $events
        (br_if $out (i32.ge_u (local.get $p) (local.get $middle)))
        (local.set $size (i32.load8_u (local.get $p)))
        (local.set $at (i32.add (local.get $p) (i32.const 1)))
        (if (i32.gt_u (local.get $size) (i32.const 127)) (then
          (local.set $head (i32.load align=1 (local.get $p)))
          (local.set $size (i32.or (i32.and (local.get $head) (i32.const 0x7f))
            (i32.and (i32.shr_u (local.get $head) (i32.const 1)) (i32.const 0x3f80))))
          (local.set $at (i32.add (local.get $p) (i32.const 2)))
          (if (i32.and (local.get $head) (i32.const 0x8000)) (then
            (local.set $size (i32.or (local.get $size)
              (i32.and (i32.shr_u (local.get $head) (i32.const 2)) (i32.const 0x1fc000))))
            (local.set $at (i32.add (local.get $p) (i32.const 3)))
            (if (i32.and (local.get $head) (i32.const 0x800000)) (then
              (br_if $out (i32.lt_s (local.get $head) (i32.const 0)))
              (local.set $size (i32.or (local.get $size)
                (i32.and (i32.shr_u (local.get $head) (i32.const 3)) (i32.const 0xfe00000))))
              (local.set $at (i32.add (local.get $p) (i32.const 4)))))))))
        (local.set $id (i32.load8_u (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (if (i32.gt_u (local.get $id) (i32.const 127)) (then
          (local.set $head (i32.load8_u (local.get $at)))
          (br_if $out (i32.gt_u (local.get $head) (i32.const 127)))
          (local.set $id (i32.or
            (i32.and (local.get $id) (i32.const 127))
            (i32.shl (local.get $head) (i32.const 7))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))))
        (local.set $next (i32.add (local.get $p) (local.get $size)))
        (br_if $out (i32.lt_u (local.get $next) (local.get $at)))
        (br_if $out (i32.gt_u (local.get $next) (local.get $middle)))
        (br_if $out (i32.load8_u offset=131072 (local.get $id)))
        (local.set $p (local.get $next))
        (br_if $out (i32.gt_s (local.get $q) (local.get $safe)))
        (local.set $size (i32.load8_u (local.get $q)))
        (local.set $at (i32.add (local.get $q) (i32.const 1)))
        (if (i32.gt_u (local.get $size) (i32.const 127)) (then
          (local.set $head (i32.load align=1 (local.get $q)))
          (local.set $size (i32.or (i32.and (local.get $head) (i32.const 0x7f))
            (i32.and (i32.shr_u (local.get $head) (i32.const 1)) (i32.const 0x3f80))))
          (local.set $at (i32.add (local.get $q) (i32.const 2)))
          (if (i32.and (local.get $head) (i32.const 0x8000)) (then
            (local.set $size (i32.or (local.get $size)
              (i32.and (i32.shr_u (local.get $head) (i32.const 2)) (i32.const 0x1fc000))))
            (local.set $at (i32.add (local.get $q) (i32.const 3)))
            (if (i32.and (local.get $head) (i32.const 0x800000)) (then
              (br_if $out (i32.lt_s (local.get $head) (i32.const 0)))
              (local.set $size (i32.or (local.get $size)
                (i32.and (i32.shr_u (local.get $head) (i32.const 3)) (i32.const 0xfe00000))))
              (local.set $at (i32.add (local.get $q) (i32.const 4)))))))))
        (local.set $id (i32.load8_u (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (if (i32.gt_u (local.get $id) (i32.const 127)) (then
          (local.set $head (i32.load8_u (local.get $at)))
          (br_if $out (i32.gt_u (local.get $head) (i32.const 127)))
          (local.set $id (i32.or
            (i32.and (local.get $id) (i32.const 127))
            (i32.shl (local.get $head) (i32.const 7))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))))
        (local.set $next (i32.add (local.get $q) (local.get $size)))
        (br_if $out (i32.lt_u (local.get $next) (local.get $at)))
        (br_if $out (i32.gt_u (local.get $next) (local.get $end)))
        (br_if $out (i32.load8_u offset=131072 (local.get $id)))
        (local.set $q (local.get $next))
        (br $events)))
    (local.set $p (call $steps (local.get $p) (local.get $middle) (i32.const 0) (i32.const 0)))
    (select (local.get $q) (local.get $p) (i32.eq (local.get $p) (local.get $middle))))

  ;; As $common, and over events of other forms: padded sizes, as HotSpot has them in checkpoints. Returns
  ;; where the table says otherwise, at a type id from 16384, and where an event is not whole. The caller
  ;; takes the tally before 2^32 bytes are in it.
  (func $steps (param $p i32) (param $end i32) (param $value i32) (param $tallied i32)
      (result i32)
    (local $at i32) (local $size i32) (local $id i32) (local $next i32)
    (block $out
      (loop $events
        (local.set $p (call $common
          (local.get $p) (local.get $end) (local.get $value) (local.get $tallied)))
        (local.set $at (call $varint (local.get $p) (local.get $end)))
        (br_if $out (i32.lt_s (local.get $at) (i32.const 0)))
        (br_if $out (i64.gt_u (global.get $value) (i64.const 0x7fffffff)))
        (local.set $size (i32.wrap_i64 (global.get $value)))
        (local.set $at (call $varint (local.get $at) (local.get $end)))
        (br_if $out (i32.lt_s (local.get $at) (i32.const 0)))
        (br_if $out (i64.gt_u (global.get $value) (i64.const 16383)))
        (local.set $id (i32.wrap_i64 (global.get $value)))
        (local.set $next (i32.add (local.get $p) (local.get $size)))
        (br_if $out (i32.lt_u (local.get $next) (local.get $at)))
        (br_if $out (i32.gt_u (local.get $next) (local.get $end)))
        (br_if $out (i32.ne (i32.load8_u offset=131072 (local.get $id)) (local.get $value)))
        (if (local.get $tallied) (then (call $tally (local.get $id) (local.get $size))))
        (local.set $p (local.get $next))
        (br $events)))
    (local.get $p))

  ;; As $steps, in two lanes where a stretch of events shows that it is worth it.
  (func (export "walk") (param $p i32) (param $end i32) (param $value i32) (param $tallied i32)
      (result i32)
    (local $near i32)
    (local.set $near (i32.add (local.get $p) (i32.const 2048)))
    (if (i32.and
          (i32.eqz (i32.or (local.get $value) (local.get $tallied)))
          (i32.lt_u (i32.add (local.get $near) (i32.const 8192)) (local.get $end)))
      (then
        (local.set $p (call $steps
          (local.get $p) (local.get $near) (i32.const 0) (i32.const 0)))
        (if (i32.gt_u (local.get $p) (i32.sub (local.get $near) (i32.const 512)))
          (then (local.set $p (call $lanes (local.get $p) (local.get $end)))))))
    (call $steps (local.get $p) (local.get $end) (local.get $value) (local.get $tallied)))

  (func $tally (param $id i32) (param $size i32)
    (local.set $id (i32.shl (local.get $id) (i32.const 3)))
    (i64.store (local.get $id) (i64.add (i64.load (local.get $id))
      (i64.or (i64.shl (i64.extend_i32_u (local.get $size)) (i64.const 32)) (i64.const 1)))))

  ;; The next type id from $id on that something was tallied for; 16384 when there is none.
  (func (export "tallied") (param $id i32) (result i32)
    (block $found
      (loop $next
        (br_if $found (i32.eq (local.get $id) (i32.const 16384)))
        (br_if $found (i64.ne
          (i64.load (i32.shl (local.get $id) (i32.const 3))) (i64.const 0)))
        (local.set $id (i32.add (local.get $id) (i32.const 1)))
        (br $next)))
    (local.get $id))

  ;; Steps over $count varints. Returns where it came to; -1 when they reach beyond $limit.
  ;; Sixteen bytes at a time: a byte below 128 ends a varint, unless it is the ninth, which has 8 bits.
  ;; Where that could be - four or more bytes in a row that go on - it is a byte at a time.
  (func $varints (param $p i32) (param $limit i32) (param $count i32) (result i32)
    (local $more i32) (local $ends i32) (local $run i32)
    (loop $next
      (if (i32.eqz (local.get $count)) (then (return (local.get $p))))
      (if (i32.and
            (i32.le_u (i32.add (local.get $p) (i32.const 16)) (local.get $limit))
            (i32.lt_u (local.get $run) (i32.const 4)))
        (then
          (local.set $more (i8x16.bitmask (v128.load align=1 (local.get $p))))
          (local.set $ends (i32.and (local.get $more) (i32.shr_u (local.get $more) (i32.const 1))))
          (if (i32.eqz (i32.and (local.get $ends) (i32.shr_u (local.get $ends) (i32.const 2))))
            (then
              (local.set $ends (i32.xor (local.get $more) (i32.const 0xffff)))
              (if (i32.lt_u (i32.popcnt (local.get $ends)) (local.get $count)) (then
                (local.set $count (i32.sub (local.get $count) (i32.popcnt (local.get $ends))))
                (local.set $p (i32.add (local.get $p) (i32.const 16)))
                ;; the bytes at the end that go on
                (local.set $run (i32.clz (i32.xor
                  (i32.shl (local.get $more) (i32.const 16)) (i32.const -1))))
                (br $next)))
              ;; the last one ends here: the bits of the others are cleared
              (loop $others
                (local.set $count (i32.sub (local.get $count) (i32.const 1)))
                (if (local.get $count) (then
                  (local.set $ends
                    (i32.and (local.get $ends) (i32.sub (local.get $ends) (i32.const 1))))
                  (br $others))))
              (return (i32.add (local.get $p)
                (i32.add (i32.ctz (local.get $ends)) (i32.const 1))))))))
      (if (i32.ge_u (local.get $p) (local.get $limit)) (then (return (i32.const -1))))
      (local.set $more (i32.load8_u (local.get $p)))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (if (i32.or (i32.lt_u (local.get $more) (i32.const 128)) (i32.eq (local.get $run) (i32.const 8)))
        (then
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (local.set $run (i32.const 0)))
        (else (local.set $run (i32.add (local.get $run) (i32.const 1)))))
      (br $next))
    (unreachable))

  ;; The varint last read by $varint.
  (global $value (mut i64) (i64.const 0))

  ;; Reads a varint; returns where the next byte is, -1 when it reaches beyond $limit.
  (func $varint (param $p i32) (param $limit i32) (result i32)
    (local $byte i64) (local $shift i64) (local $sum i64)
    (loop $next
      (if (i32.ge_u (local.get $p) (local.get $limit)) (then (return (i32.const -1))))
      (local.set $byte (i64.load8_u (local.get $p)))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (if (i32.or
            (i64.lt_u (local.get $byte) (i64.const 128))
            (i64.eq (local.get $shift) (i64.const 56)))
        (then
          (global.set $value (i64.or (local.get $sum) (i64.shl (local.get $byte) (local.get $shift))))
          (return (local.get $p))))
      (local.set $sum (i64.or (local.get $sum)
        (i64.shl (i64.and (local.get $byte) (i64.const 127)) (local.get $shift))))
      (local.set $shift (i64.add (local.get $shift) (i64.const 7)))
      (br $next))
    (unreachable))

  ;; Steps over $count bytes (unsigned, 64 bits); -1 when they reach beyond $limit.
  (func $bytes (param $p i32) (param $limit i32) (param $count i64) (result i32)
    (if (i64.gt_u (local.get $count)
          (i64.extend_i32_u (i32.sub (local.get $limit) (local.get $p))))
      (then (return (i32.const -1))))
    (i32.add (local.get $p) (i32.wrap_i64 (local.get $count))))

  ;; Steps over a string of any encoding; -1 when it is of none, or reaches beyond $limit.
  (func $string (param $p i32) (param $limit i32) (result i32)
    (local $encoding i32)
    (if (i32.ge_u (local.get $p) (local.get $limit)) (then (return (i32.const -1))))
    (local.set $encoding (i32.load8_u (local.get $p)))
    (local.set $p (i32.add (local.get $p) (i32.const 1)))
    ;; null, empty
    (if (i32.lt_u (local.get $encoding) (i32.const 2)) (then (return (local.get $p))))
    (if (i32.gt_u (local.get $encoding) (i32.const 5)) (then (return (i32.const -1))))
    ;; a constant's key, or a length
    (local.set $p (call $varint (local.get $p) (local.get $limit)))
    (if (i32.or (i32.eq (local.get $encoding) (i32.const 2)) (i32.lt_s (local.get $p) (i32.const 0)))
      (then (return (local.get $p))))
    (if (i32.ne (local.get $encoding) (i32.const 4))
      (then (return (call $bytes (local.get $p) (local.get $limit) (global.get $value)))))
    ;; characters
    (if (i64.gt_u (global.get $value) (i64.const 0x7fffffff)) (then (return (i32.const -1))))
    (call $varints (local.get $p) (local.get $limit) (i32.wrap_i64 (global.get $value))))

  ;; Steps over $count constants from $p, each a key and what the program says, and writes their keys
  ;; (f64) and where their values begin (i32, less $base). Returns how many it stepped over: all, or
  ;; those before one that is not whole, or has a key beyond 2^53. `position` is where it came to.
  ;;
  ;; The program: two bytes an instruction, what and how many: 0 end, 1 bytes, 2 varints, 3 string,
  ;; 4 array of elements of so many varints.
  (func (export "index") (param $p i32) (param $limit i32) (param $base i32) (param $count i32)
      (param $keys i32) (param $offsets i32) (result i32)
    (local $done i32) (local $at i32) (local $op i32) (local $what i32)
    (block $out
      (loop $constants
        (global.set $position (local.get $p))
        (br_if $out (i32.eq (local.get $done) (local.get $count)))
        (local.set $at (call $varint (local.get $p) (local.get $limit)))
        (br_if $out (i32.lt_s (local.get $at) (i32.const 0)))
        (br_if $out (i64.gt_u (i64.add (global.get $value) (i64.const 0x1fffffffffffff))
                              (i64.const 0x3ffffffffffffe)))
        (f64.store (local.get $keys) (f64.convert_i64_s (global.get $value)))
        (i32.store (local.get $offsets) (i32.sub (local.get $at) (local.get $base)))
        (local.set $op (i32.const 147456))
        (block $whole
          (loop $parts
            (local.set $what (i32.load8_u (local.get $op)))
            (br_if $whole (i32.eqz (local.get $what)))
            (if (i32.eq (local.get $what) (i32.const 1))
              (then (local.set $at (call $bytes (local.get $at) (local.get $limit)
                (i64.load8_u offset=1 (local.get $op)))))
              (else (if (i32.eq (local.get $what) (i32.const 2))
                (then (local.set $at (call $varints (local.get $at) (local.get $limit)
                  (i32.load8_u offset=1 (local.get $op)))))
                (else (if (i32.eq (local.get $what) (i32.const 3))
                  (then (local.set $at (call $string (local.get $at) (local.get $limit))))
                  (else
                    (local.set $at (call $varint (local.get $at) (local.get $limit)))
                    (br_if $out (i32.lt_s (local.get $at) (i32.const 0)))
                    ;; an element is a byte at least
                    (br_if $out (i64.gt_u (global.get $value)
                      (i64.extend_i32_u (i32.sub (local.get $limit) (local.get $at)))))
                    (local.set $at (call $varints (local.get $at) (local.get $limit)
                      (i32.mul (i32.wrap_i64 (global.get $value))
                        (i32.load8_u offset=1 (local.get $op)))))))))))
            (br_if $out (i32.lt_s (local.get $at) (i32.const 0)))
            (local.set $op (i32.add (local.get $op) (i32.const 2)))
            (br $parts)))
        (local.set $p (local.get $at))
        (local.set $keys (i32.add (local.get $keys) (i32.const 8)))
        (local.set $offsets (i32.add (local.get $offsets) (i32.const 4)))
        (local.set $done (i32.add (local.get $done) (i32.const 1)))
        (br $constants)))
    (local.get $done))

  ;; Steps over $count strings from $p and writes where each begins (i32, less $base) at $offsets. Returns
  ;; where it came to; -1 where one is none, in a pool, or reaches beyond $limit.
  (func (export "strings") (param $p i32) (param $limit i32) (param $base i32) (param $count i32)
      (param $offsets i32) (result i32)
    (block $bad
      (loop $next
        (if (i32.eqz (local.get $count)) (then (return (local.get $p))))
        (br_if $bad (i32.ge_u (local.get $p) (local.get $limit)))
        (br_if $bad (i32.eq (i32.load8_u (local.get $p)) (i32.const 2)))
        (i32.store (local.get $offsets) (i32.sub (local.get $p) (local.get $base)))
        (local.set $p (call $string (local.get $p) (local.get $limit)))
        (br_if $bad (i32.lt_s (local.get $p) (i32.const 0)))
        (local.set $offsets (i32.add (local.get $offsets) (i32.const 4)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.const -1))

  ;; Where the next class is written, and behind the last that may be.
  (global $class (mut i32) (i32.const 0))
  (global $classes (mut i32) (i32.const 0))
  (global $base (mut i32) (i32.const 0))

  ;; Steps over the element at $p, with all that is in it, and writes where those two below the root begin:
  ;; the classes. Returns where it came to; -1 when it is nested too deeply or reaches beyond $limit.
  (func $element (param $p i32) (param $limit i32) (param $depth i32) (result i32)
    (local $children i32)
    (block $bad
      (br_if $bad (i32.eqz (local.get $depth)))
      (if (i32.eq (local.get $depth) (i32.const 15)) (then
        (br_if $bad (i32.ge_u (global.get $class) (global.get $classes)))
        (i32.store (global.get $class) (i32.sub (local.get $p) (global.get $base)))
        (global.set $class (i32.add (global.get $class) (i32.const 4)))))
      ;; its name
      (local.set $p (call $varint (local.get $p) (local.get $limit)))
      (br_if $bad (i32.lt_s (local.get $p) (i32.const 0)))
      ;; its attributes
      (local.set $p (call $varint (local.get $p) (local.get $limit)))
      (br_if $bad (i32.lt_s (local.get $p) (i32.const 0)))
      (br_if $bad (i64.gt_u (global.get $value)
        (i64.extend_i32_u (i32.sub (local.get $limit) (local.get $p)))))
      (local.set $p (call $varints (local.get $p) (local.get $limit)
        (i32.shl (i32.wrap_i64 (global.get $value)) (i32.const 1))))
      (br_if $bad (i32.lt_s (local.get $p) (i32.const 0)))
      ;; what is in it
      (local.set $p (call $varint (local.get $p) (local.get $limit)))
      (br_if $bad (i32.lt_s (local.get $p) (i32.const 0)))
      (br_if $bad (i64.gt_u (global.get $value)
        (i64.extend_i32_u (i32.sub (local.get $limit) (local.get $p)))))
      (local.set $children (i32.wrap_i64 (global.get $value)))
      (loop $next
        (if (i32.eqz (local.get $children)) (then (return (local.get $p))))
        (local.set $p (call $element (local.get $p) (local.get $limit)
          (i32.sub (local.get $depth) (i32.const 1))))
        (br_if $bad (i32.lt_s (local.get $p) (i32.const 0)))
        (local.set $children (i32.sub (local.get $children) (i32.const 1)))
        (br $next)))
    (i32.const -1))

  ;; Steps over the elements of a metadata event, the root of which is at $p, and writes where the classes
  ;; begin (i32, less $base) from $from to below $to. Returns behind the last that it wrote, -1 for what
  ;; $element does.
  (func (export "classes") (param $p i32) (param $limit i32) (param $base i32) (param $from i32)
      (param $to i32) (result i32)
    (global.set $base (local.get $base))
    (global.set $class (local.get $from))
    (global.set $classes (local.get $to))
    (if (i32.lt_s (call $element (local.get $p) (local.get $limit) (i32.const 17)) (i32.const 0))
      (then (return (i32.const -1))))
    (global.get $class)))
