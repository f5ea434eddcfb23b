/* Every operation for both precisions, and the table which holds them. */

#include "kernels.h"

#define REAL float
#define REAL_BYTES 4
#define SUFFIX _f32
#include "operations.h"
#undef REAL
#undef REAL_BYTES
#undef SUFFIX

#define REAL double
#define REAL_BYTES 8
#define SUFFIX _f64
#include "operations.h"

#define NAME_(isa) #isa
#define NAME(isa) NAME_(isa)

const struct kernels CONCAT(skfrugal_, ISA) = {
    .name = NAME(ISA),
    .vector_bytes = VECTOR_BYTES,
    .many_registers = MANY_REGISTERS,
    .panel_bytes = VECTOR_BYTES * PANEL_VECTORS,
    .chain_f32 = chain_f32,
    .chain_f64 = chain_f64,
    .rotations_f32 = rotations_f32,
    .rotations_f64 = rotations_f64,
    .sparse_f32 = sparse_f32,
    .sparse_f64 = sparse_f64,
    .levels_forward_f32 = levels_forward_f32,
    .levels_forward_f64 = levels_forward_f64,
    .levels_backward_f32 = levels_backward_f32,
    .levels_backward_f64 = levels_backward_f64,
    .cosine_f32 = cosine_f32,
    .cosine_f64 = cosine_f64,
    .point_panel = NEAREST_PANEL,
    .row_tile = NEAREST_TILE,
    .dot8 = HAS_DOT8,
    .nearest_prepare_f32 = nearest_prepare_f32,
    .nearest_prepare_f64 = nearest_prepare_f64,
    .nearest_search_f32 = nearest_search_f32,
    .nearest_search_f64 = nearest_search_f64,
    .nearest_dense_f32 = nearest_dense_f32,
    .nearest_dense_f64 = nearest_dense_f64,
    .nearest_move_f32 = nearest_move_f32,
    .nearest_move_f64 = nearest_move_f64,
    .nearest_direct_f32 = nearest_direct_f32,
    .nearest_direct_f64 = nearest_direct_f64,
    .nearest_distance_f32 = nearest_distance_f32,
    .nearest_distance_f64 = nearest_distance_f64,
    .product_vectors = PRODUCT_VECTORS,
    .product_rows = PRODUCT_ROWS,
    .product_chunk = PRODUCT_CHUNK,
    .nearest_product_f32 = nearest_product_f32,
    .nearest_product_f64 = nearest_product_f64,
    .kernel_rows = KERNEL_ROWS,
    .kernel_vectors = KERNEL_VECTORS,
    .powers_of_two_f32 = powers_of_two_f32,
    .powers_of_two_f64 = powers_of_two_f64,
    .kernel_block_f32 = kernel_block_f32,
    .kernel_block_f64 = kernel_block_f64,
    .kernel_predict_f32 = kernel_predict_f32,
    .kernel_predict_f64 = kernel_predict_f64,
    .kernel_adjoint_f32 = kernel_adjoint_f32,
    .kernel_adjoint_f64 = kernel_adjoint_f64,
    .coding_choose = coding_choose,
    .coding_take = coding_take,
    .coding_combine = coding_combine,
    .coding_without = coding_without,
};
