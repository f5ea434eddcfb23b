/* What the ABI guarantees: SSE2 on x86-64, NEON on ARM64, plain loops elsewhere. */
#define ISA baseline
#define VECTOR_BYTES 16
#include "table.h"
