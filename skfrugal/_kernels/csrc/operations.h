#include "isa.h"

#include "butterfly.h"
#include "blocks.h"
#include "chain.h"
#include "panel.h"
#include "rotations.h"
#include "sparse.h"
#include "backward.h"
#include "nearest.h"
#include "nearest_product.h"
#include "exponential.h"
#include "kernel_values.h"
#include "cosine.h"
#include "coding.h"

#undef VEC
#undef LANES
#undef COSINE_MAGIC
#undef COSINE_LIMIT
#undef COSINE_TERMS
