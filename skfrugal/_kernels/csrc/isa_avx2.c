/* Compiled with its own flags (setup.py); empty where they do not exist. */
#ifdef __AVX2__
#define ISA avx2
#define VECTOR_BYTES 32
#include "table.h"
#else
typedef int skfrugal_empty_unit_avx2;
#endif
