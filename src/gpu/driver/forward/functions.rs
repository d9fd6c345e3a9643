//! The functions of the driver that are forwarded: all that `cust` names, and those that this library uses beside them.
//!
//! Names, order of arguments and widths are the driver's own (`cuda.h` of CUDA 11.4, as `cust_raw` has them); a
//! function keeps its shape for ever, and gets a new suffix with a new one. Handles, structures and functions are
//! passed by pointer, device addresses are 64 bits wide, enumerations 32.

use crate::{Pointer, forward};

forward! {
    // The library, its devices, and their contexts.
    cuInit(flags: u32);
    cuDriverGetVersion(driver_version: Pointer);
    cuDeviceCanAccessPeer(can_access_peer: Pointer, device: i32, peer_device: i32);
    cuDeviceGet(device: Pointer, ordinal: i32);
    cuDeviceGetAttribute(value: Pointer, attribute: u32, device: i32);
    cuDeviceGetCount(count: Pointer);
    cuDeviceGetName(name: Pointer, length: i32, device: i32);
    cuDeviceGetPCIBusId(bus_id: Pointer, length: i32, device: i32);
    cuDeviceGetUuid(uuid: Pointer, device: i32);
    cuDevicePrimaryCtxGetState(device: i32, flags: Pointer, active: Pointer);
    cuDevicePrimaryCtxRelease_v2(device: i32);
    cuDevicePrimaryCtxReset_v2(device: i32);
    cuDevicePrimaryCtxRetain(context: Pointer, device: i32);
    cuDevicePrimaryCtxSetFlags_v2(device: i32, flags: u32);
    cuDeviceTotalMem_v2(bytes: Pointer, device: i32);
    cuCtxCreate_v2(context: Pointer, flags: u32, device: i32);
    cuCtxDestroy_v2(context: Pointer);
    cuCtxEnablePeerAccess(peer_context: Pointer, flags: u32);
    cuCtxGetApiVersion(context: Pointer, version: Pointer);
    cuCtxGetCacheConfig(config: Pointer);
    cuCtxGetCurrent(context: Pointer);
    cuCtxGetDevice(device: Pointer);
    cuCtxGetFlags(flags: Pointer);
    cuCtxGetLimit(value: Pointer, limit: u32);
    cuCtxGetSharedMemConfig(config: Pointer);
    cuCtxGetStreamPriorityRange(least_priority: Pointer, greatest_priority: Pointer);
    cuCtxPopCurrent_v2(context: Pointer);
    cuCtxPushCurrent_v2(context: Pointer);
    cuCtxSetCacheConfig(config: u32);
    cuCtxSetCurrent(context: Pointer);
    cuCtxSetLimit(limit: u32, value: usize);
    cuCtxSetSharedMemConfig(config: u32);
    cuCtxSynchronize();

    // Texts and kernels.
    cuModuleGetFunction(function: Pointer, module: Pointer, name: Pointer);
    cuModuleGetGlobal_v2(address: Pointer, bytes: Pointer, module: Pointer, name: Pointer);
    cuModuleLoad(module: Pointer, file_name: Pointer);
    cuModuleLoadData(module: Pointer, image: Pointer);
    cuModuleLoadDataEx(module: Pointer, image: Pointer, option_count: u32, options: Pointer, option_values: Pointer);
    cuModuleUnload(module: Pointer);
    cuLinkAddData_v2(
        state: Pointer, kind: u32, data: Pointer, size: usize, name: Pointer, option_count: u32, options: Pointer,
        option_values: Pointer,
    );
    cuLinkComplete(state: Pointer, cubin_out: Pointer, size_out: Pointer);
    cuLinkCreate_v2(option_count: u32, options: Pointer, option_values: Pointer, state_out: Pointer);
    cuLinkDestroy(state: Pointer);
    cuFuncGetAttribute(value: Pointer, attribute: u32, function: Pointer);
    cuFuncSetAttribute(function: Pointer, attribute: u32, value: i32);
    cuFuncSetCacheConfig(function: Pointer, config: u32);
    cuFuncSetSharedMemConfig(function: Pointer, config: u32);
    cuLaunchHostFunc(stream: Pointer, function: Pointer, user_data: Pointer);
    cuLaunchKernel(
        function: Pointer, grid_dim_x: u32, grid_dim_y: u32, grid_dim_z: u32, block_dim_x: u32, block_dim_y: u32,
        block_dim_z: u32, shared_bytes: u32, stream: Pointer, kernel_params: Pointer, extra: Pointer,
    );
    cuOccupancyAvailableDynamicSMemPerBlock(
        dynamic_shared: Pointer, function: Pointer, blocks: i32, block_size: i32,
    );
    cuOccupancyMaxActiveBlocksPerMultiprocessor(
        blocks: Pointer, function: Pointer, block_size: i32, dynamic_shared: usize,
    );
    cuOccupancyMaxPotentialBlockSize(
        min_grid_size: Pointer, block_size: Pointer, function: Pointer, dynamic_shared_for_block: Pointer,
        dynamic_shared: usize, block_size_limit: i32,
    );

    // Queues and marks.
    cuStreamCreate(stream: Pointer, flags: u32);
    cuStreamCreateWithPriority(stream: Pointer, flags: u32, priority: i32);
    cuStreamDestroy_v2(stream: Pointer);
    cuStreamGetFlags(stream: Pointer, flags: Pointer);
    cuStreamGetPriority(stream: Pointer, priority: Pointer);
    cuStreamQuery(stream: Pointer);
    cuStreamSynchronize(stream: Pointer);
    cuStreamWaitEvent(stream: Pointer, event: Pointer, flags: u32);
    cuEventCreate(event: Pointer, flags: u32);
    cuEventDestroy_v2(event: Pointer);
    cuEventElapsedTime(milliseconds: Pointer, start: Pointer, end: Pointer);
    cuEventQuery(event: Pointer);
    cuEventRecord(event: Pointer, stream: Pointer);
    cuEventSynchronize(event: Pointer);

    // Memory.
    cuMemAdvise(address: u64, count: usize, advice: u32, device: i32);
    cuMemAllocAsync(address: Pointer, bytes: usize, stream: Pointer);
    cuMemAllocHost_v2(memory: Pointer, bytes: usize);
    cuMemAllocManaged(address: Pointer, bytes: usize, flags: u32);
    cuMemAlloc_v2(address: Pointer, bytes: usize);
    cuMemFreeAsync(address: u64, stream: Pointer);
    cuMemFreeHost(memory: Pointer);
    cuMemFree_v2(address: u64);
    cuMemGetInfo_v2(free: Pointer, total: Pointer);
    cuMemHostAlloc(memory: Pointer, bytes: usize, flags: u32);
    cuMemHostGetDevicePointer_v2(address: Pointer, memory: Pointer, flags: u32);
    cuMemHostRegister_v2(memory: Pointer, bytes: usize, flags: u32);
    cuMemHostUnregister(memory: Pointer);
    cuMemPrefetchAsync(address: u64, count: usize, device: i32, stream: Pointer);
    cuMemcpy2D_v2(copy: Pointer);
    cuMemcpyAtoH_v2(to: Pointer, from: Pointer, from_offset: usize, bytes: usize);
    cuMemcpyDtoDAsync_v2(to: u64, from: u64, bytes: usize, stream: Pointer);
    cuMemcpyDtoD_v2(to: u64, from: u64, bytes: usize);
    cuMemcpyDtoHAsync_v2(to: Pointer, from: u64, bytes: usize, stream: Pointer);
    cuMemcpyDtoH_v2(to: Pointer, from: u64, bytes: usize);
    cuMemcpyHtoA_v2(to: Pointer, to_offset: usize, from: Pointer, bytes: usize);
    cuMemcpyHtoDAsync_v2(to: u64, from: Pointer, bytes: usize, stream: Pointer);
    cuMemcpyHtoD_v2(to: u64, from: Pointer, bytes: usize);
    cuMemcpyPeerAsync(
        to: u64, to_context: Pointer, from: u64, from_context: Pointer, bytes: usize,
        stream: Pointer,
    );
    cuMemsetD16Async(to: u64, value: u16, count: usize, stream: Pointer);
    cuMemsetD16_v2(to: u64, value: u16, count: usize);
    cuMemsetD32Async(to: u64, value: u32, count: usize, stream: Pointer);
    cuMemsetD32_v2(to: u64, value: u32, count: usize);
    cuMemsetD8Async(to: u64, value: u8, count: usize, stream: Pointer);
    cuMemsetD8_v2(to: u64, value: u8, count: usize);
    cuPointerGetAttribute(data: Pointer, attribute: u32, address: u64);

    // Arrays, textures, surfaces, and memory of other libraries.
    cuArray3DCreate_v2(array: Pointer, descriptor: Pointer);
    cuArray3DGetDescriptor_v2(descriptor: Pointer, array: Pointer);
    cuArrayDestroy(array: Pointer);
    cuTexObjectCreate(texture: Pointer, resource: Pointer, description: Pointer, view: Pointer);
    cuTexObjectDestroy(texture: u64);
    cuTexObjectGetResourceDesc(resource: Pointer, texture: u64);
    cuTexObjectGetResourceViewDesc(view: Pointer, texture: u64);
    cuSurfObjectCreate(surface: Pointer, resource: Pointer);
    cuSurfObjectDestroy(surface: u64);
    cuSurfObjectGetResourceDesc(resource: Pointer, surface: u64);
    cuImportExternalMemory(memory: Pointer, description: Pointer);
    cuExternalMemoryGetMappedBuffer(address: Pointer, memory: Pointer, description: Pointer);
    cuDestroyExternalMemory(memory: Pointer);

    // Graphs.
    cuGraphAddKernelNode(
        graph_node: Pointer, graph: Pointer, dependencies: Pointer, dependency_count: usize, node_params: Pointer,
    );
    cuGraphCreate(graph: Pointer, flags: u32);
    cuGraphDebugDotPrint(graph: Pointer, path: Pointer, flags: u32);
    cuGraphDestroy(graph: Pointer);
    cuGraphGetEdges(graph: Pointer, from: Pointer, to: Pointer, edge_count: Pointer);
    cuGraphGetNodes(graph: Pointer, nodes: Pointer, node_count: Pointer);
    cuGraphKernelNodeGetParams(node: Pointer, node_params: Pointer);
    cuGraphNodeGetType(node: Pointer, kind: Pointer);
}
