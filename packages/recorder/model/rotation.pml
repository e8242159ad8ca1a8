/* SPDX-License-Identifier: Apache-2.0
 *
 * Chunk rotation without a safepoint, for spin. The protocol in words: ../docs/rotation.md; the code:
 * ../src/thread.ts (writers), ../src/globals.ts, ../src/drain.ts and ../src/chunks.ts (recorder).
 *
 *   spin -a rotation.pml && cc -O2 -DSAFETY -o pan pan.c && ./pan -m200000
 *
 * Checked: every committed event is taken exactly once or counted as lost (I1), by the chunk of the epoch it was written in
 * (I2), which also gets the writer's constant, at every flush already (I3); a buffer never mixes epochs
 * (I4); nobody waits for ever (no invalid end state).
 *
 * Each of these breaks the protocol on purpose, and spin must find it:
 *   -DNO_RECHECK        a writer does not look at the epoch again after raising its bit
 *   -DNO_GRACE          the recorder does not wait for writers of the old epoch
 *   -DCONSTANTS_FIRST   the recorder takes constants before events
 *   -DGLOBALS_FIRST     the recorder looks through the global buffers before the thread buffers
 *   -DNO_EXCLUSIVE      a writer empties its buffer without taking it
 */
#ifndef WRITERS
#define WRITERS 2
#endif
#ifndef EVENTS
#define EVENTS 3
#endif
#ifndef ROTATIONS
#define ROTATIONS 2
#endif
#define CAPACITY 1        /* events in a thread buffer */
#define EXCLUSIVE 255
#define AT(w, e) ((w) * 2 + ((e) & 1))
#define PAIRS (WRITERS * 2)

byte epoch = 0;

/* Thread buffers, for both epochs. One word holds committed and writing, so they change together. */
bool live[WRITERS];
byte committed[PAIRS];
bool writing[PAIRS];
byte flushed[PAIRS];
/* Constants buffer: one constant, committed and not yet taken. */
bool constant[PAIRS];
/* Global buffers: one for events, one for constants; a held identity excludes everybody else. */
bool held; byte held_epoch; byte held_events[WRITERS]; bool in_use;
bool pool_held; byte pool_epoch; bool pool_constants[WRITERS]; bool pool_in_use;

/* What the proof talks about. */
byte done[WRITERS];                      /* committed events */
byte taken[WRITERS];
byte lost[WRITERS];
byte buffer_epoch[PAIRS];
byte constant_epoch[PAIRS];
byte chunk_events[WRITERS];
bool chunk_constant[WRITERS];
byte finished = 0;

inline acquire(i, from) {
  atomic { flushed[i] != EXCLUSIVE -> from = flushed[i]; flushed[i] = EXCLUSIVE }
}

proctype Writer(byte w) {
  byte number = 0, e, mine = 254, i = 0, from, mine_committed = 0;
  bool constant_written = false;

  live[w] = true;
  do
  :: number == EVENTS -> break
  :: number < EVENTS ->
     do
     :: e = epoch;
        if
        :: e != mine ->                                   /* turn to the buffers of this epoch */
           i = AT(w, e);
           acquire(i, from);
           assert(from == committed[i]);                  /* the recorder has emptied it (I4) */
           mine_committed = 0;
           committed[i] = 0;
           flushed[i] = 0;
           mine = e;
           constant_written = false
        :: else
        fi;
        atomic { committed[i] = mine_committed; writing[i] = true };
#ifdef NO_RECHECK
        break
#else
        if
        :: epoch == e -> break
        :: else -> atomic { committed[i] = mine_committed; writing[i] = false }
        fi
#endif
     od;

     if                                                   /* the thread buffer is full: promote */
     :: mine_committed == CAPACITY ->
#ifdef NO_EXCLUSIVE
        from = flushed[i];
        if :: from == EXCLUSIVE -> from = 0 :: else fi;
#else
        acquire(i, from);
#endif
        if
        :: from < mine_committed ->
           atomic { !held -> held = true };
           if
           :: !in_use || held_epoch == mine ->
              in_use = true;
              held_epoch = mine;
              held_events[w] = held_events[w] + mine_committed - from
           :: else -> lost[w] = lost[w] + mine_committed - from   /* no room: counted, never waited for */
           fi;
           held = false
        :: else
        fi;
        mine_committed = 0;
        committed[i] = 0;
        flushed[i] = 0
     :: else
     fi;

     if                                                   /* the constant, once in each epoch */
     :: !constant_written ->
        assert(!constant[i] || constant_epoch[i] == mine);
        d_step { constant_epoch[i] = mine; constant[i] = true };
        constant_written = true
     :: constant_written
     fi;
     if                                                   /* the constants buffer may be promoted too */
     :: constant[i] ->
        atomic { !pool_held -> pool_held = true };
        if
        :: d_step { constant[i] && (!pool_in_use || pool_epoch == mine) -> pool_in_use = true; pool_epoch = mine;
                    pool_constants[w] = true; constant[i] = false }
        :: else
        fi;
        pool_held = false
     :: true
     fi;

     mine_committed++;
     d_step {                                             /* commit: one store */
       assert(committed[i] == flushed[i] || flushed[i] == EXCLUSIVE || buffer_epoch[i] == mine);
       buffer_epoch[i] = mine;
       committed[i] = mine_committed;
       writing[i] = false;
       done[w]++
     };
     number++
  od;
  finished++
}

inline take_threads(e) {
  w = 0;
  do
  :: w == WRITERS -> break
  :: w < WRITERS ->
     if
     :: live[w] && committed[AT(w, e)] != flushed[AT(w, e)] ->
        acquire(AT(w, e), from);
        until = committed[AT(w, e)];
        d_step {
          assert(until >= from);
          assert(until == from || buffer_epoch[AT(w, e)] == e);            /* I2 */
          chunk_events[w] = chunk_events[w] + until - from;
          taken[w] = taken[w] + until - from
        };
        flushed[AT(w, e)] = until
     :: else
     fi;
     w++
  od
}

inline take_globals(e) {
  atomic { !held -> held = true };
  if
  :: in_use && held_epoch == e ->
     d_step {
       w = 0;
       do
       :: w == WRITERS -> break
       :: w < WRITERS ->
          chunk_events[w] = chunk_events[w] + held_events[w];
          taken[w] = taken[w] + held_events[w];
          held_events[w] = 0;
          w++
       od;
       in_use = false
     }
  :: else
  fi;
  held = false
}

inline take_thread_constants(e) {
  w = 0;
  do
  :: w == WRITERS -> break
  :: w < WRITERS ->
     d_step {
       if
       :: constant[AT(w, e)] ->
          assert(constant_epoch[AT(w, e)] == e);                            /* I2 */
          chunk_constant[w] = true;
          constant[AT(w, e)] = false
       :: else
       fi
     };
     w++
  od
}

inline take_global_constants(e) {
  atomic { !pool_held -> pool_held = true };
  if
  :: pool_in_use && pool_epoch == e ->
     d_step {
       w = 0;
       do
       :: w == WRITERS -> break
       :: w < WRITERS ->
          chunk_constant[w] = chunk_constant[w] || pool_constants[w];
          pool_constants[w] = false;
          w++
       od;
       pool_in_use = false
     }
  :: else
  fi;
  pool_held = false
}

inline take_events(e) {
#ifdef GLOBALS_FIRST
  take_globals(e);
  take_threads(e)
#else
  take_threads(e);
  take_globals(e)
#endif
}

inline take_constants(e) {
#ifdef GLOBALS_FIRST
  take_global_constants(e);
  take_thread_constants(e)
#else
  take_thread_constants(e);
  take_global_constants(e)
#endif
}

inline take_all(e) {
#ifdef CONSTANTS_FIRST
  take_constants(e);
  take_events(e);
#else
  take_events(e);
  take_constants(e);
#endif
  skip;                                                 /* a loop must not end in a d_step */
  d_step {                                                                  /* I3 */
    w = 0;
    do
    :: w == WRITERS -> break
    :: w < WRITERS -> assert(chunk_events[w] == 0 || chunk_constant[w]); w++
    od
  }
}

inline rotate() {
  old = epoch;
  epoch = old + 1;
#ifndef NO_GRACE
  g = 0;
  do
  :: g == WRITERS -> break
  :: g < WRITERS -> (!live[g] || !writing[AT(g, old)]); g++
  od;
#endif
  take_all(old);
  d_step {
    w = 0;
    do
    :: w == WRITERS -> break
    :: w < WRITERS -> chunk_events[w] = 0; chunk_constant[w] = false; w++
    od
  }
}

proctype Recorder() {
  byte old, w, g, from, until, rotations = 0;
  do
  :: rotations == ROTATIONS -> break
  :: rotations < ROTATIONS -> rotate(); rotations++
  /* flushes */
  :: rotations < ROTATIONS -> take_all(epoch)
  od;
  do
  :: finished == WRITERS -> break
  :: finished < WRITERS -> take_all(epoch)
  od;
  rotate();
  w = 0;
  do
  :: w == WRITERS -> break
  :: w < WRITERS -> assert(taken[w] + lost[w] == done[w] && done[w] == EVENTS); w++    /* I1 */
  od
}

init {
  atomic {
    byte k = 0;
    do
    :: k == WRITERS -> break
    :: k < WRITERS -> run Writer(k); k++
    od;
    run Recorder()
  }
}
