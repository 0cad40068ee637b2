/* The facts of each kind of red flag: added to the evidence by name, and the most telling
 * ones to the line. For evidence.c. */
#ifndef SIDECAR_REDFLAG_EVIDENCE_FACTS_H
#define SIDECAR_REDFLAG_EVIDENCE_FACTS_H

#include "sidecar/redflag/evidence.h"

typedef void (*evidence_facts_fn)(struct evidence *evidence, struct buffer *line,
                                  const struct verdict *verdict,
                                  const struct evidence_facts *facts);

#define EVIDENCE_FACTS(name)                                                                   \
  void name(struct evidence *evidence, struct buffer *line, const struct verdict *verdict,     \
            const struct evidence_facts *facts)

EVIDENCE_FACTS(facts_of_memory);
EVIDENCE_FACTS(facts_of_swap);
EVIDENCE_FACTS(facts_of_fds);
EVIDENCE_FACTS(facts_of_fds_growth);
EVIDENCE_FACTS(facts_of_same_file);
EVIDENCE_FACTS(facts_of_session_files);
EVIDENCE_FACTS(facts_of_goroutines);
EVIDENCE_FACTS(facts_of_goroutine_growth);
EVIDENCE_FACTS(facts_of_stuck);
EVIDENCE_FACTS(facts_of_fetching);
EVIDENCE_FACTS(facts_of_heap_growth);
EVIDENCE_FACTS(facts_of_contention);
EVIDENCE_FACTS(facts_of_watches);

#endif
