# The modules of devices: libgradus_cuda.so, by nvcc, and the same sources as C++ on the emulator, libgradus_emulate.so.
# The library opens them when somebody first asks for a device, and nothing links them.
# GRADUS_BUILD_EMULATOR, whether to build the emulator, follows GRADUS_BUILD_TESTS wherever nobody sets it: no option,
# whose first default would stay in the cache of a folder that tests are built in later.
if(NOT DEFINED GRADUS_BUILD_EMULATOR)
  set(GRADUS_BUILD_EMULATOR ${GRADUS_BUILD_TESTS})
endif()
if(GRADUS_BUILD_EMULATOR AND NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  message(STATUS "Emulator: left out, its fibers are written for x86-64")
  set(GRADUS_BUILD_EMULATOR OFF)
endif()

# Some losses share a unit: reading the headers costs as much as compiling three losses.
set(losses_a_unit 12)
set(loss_units)
set(declarations "")
set(addresses "")
function(write_unit)
  list(LENGTH loss_units number)
  configure_file(cmake/device_unit.cpp.in generated/cuda/losses_${number}.cu @ONLY)
  set(loss_units ${loss_units} ${PROJECT_BINARY_DIR}/generated/cuda/losses_${number}.cu PARENT_SCOPE)
  set(includes "" PARENT_SCOPE)
  set(rows "" PARENT_SCOPE)
  set(in_unit 0 PARENT_SCOPE)
endfunction()
set(includes "")
set(rows "")
set(in_unit 0)
foreach(loss IN LISTS GRADUS_LOSSES)
  string(APPEND declarations "extern const DeviceLoss ${loss};\n")
  string(APPEND addresses "    &${loss},\n")
  string(APPEND includes "#include \"gradus/losses/${loss}.h\"\n")
  string(APPEND rows "extern const DeviceLoss ${loss};\n"
    "const DeviceLoss ${loss} = cuda_kernels::DeviceLossOf<decltype(gradus::${loss})::Self>::value;\n")
  math(EXPR in_unit "${in_unit} + 1")
  if(in_unit EQUAL losses_a_unit)
    write_unit()
  endif()
endforeach()
if(in_unit)
  write_unit()
endif()
list(LENGTH GRADUS_LOSSES count)
configure_file(cmake/device_losses.cpp.in generated/cuda/device_losses.cpp @ONLY)

set(kernel_sources ${PROJECT_SOURCE_DIR}/cuda/elements.cu ${PROJECT_SOURCE_DIR}/cuda/matmul.cu
  ${PROJECT_SOURCE_DIR}/cuda/operations.cu ${loss_units})
set(module_sources cuda/module.cpp cuda/run_loss.cpp generated/cuda/device_losses.cpp)
list(TRANSFORM module_sources PREPEND ${PROJECT_BINARY_DIR}/ REGEX ^generated)

# gradus_module(name sources...): a module in lib/, which hands over its table and shows nothing else.
function(gradus_module name)
  add_library(${name} MODULE ${module_sources} ${ARGN})
  gradus_own_target(${name})
  set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib
    CXX_STANDARD 20 CUDA_STANDARD 20 CXX_VISIBILITY_PRESET hidden CUDA_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_include_directories(${name} PRIVATE ${GRADUS_INCLUDE_DIR})
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-march=${GRADUS_ARCH};-ffp-contract=off>)
  target_link_libraries(${name} PRIVATE fmt::fmt)
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--compress-mode=size>)
  if(GRADUS_INSTALL)  # where it was built
    install(TARGETS ${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} OPTIONAL)
  endif()
endfunction()

if(GRADUS_BUILD_EMULATOR)
  set(emulated_sources)
  foreach(source IN LISTS kernel_sources)
    cmake_path(GET source STEM name)
    configure_file(cmake/emulated_unit.cpp.in generated/emulated/${name}.cpp @ONLY)
    list(APPEND emulated_sources ${PROJECT_BINARY_DIR}/generated/emulated/${name}.cpp)
  endforeach()
  # Its fibers and checks, which the emulator's own tests use as well.
  add_library(gradus_simt STATIC cuda/caching_allocator.cpp cuda/emulator.cpp cuda/emulated_memory.cpp cuda/fiber.cpp cuda/races.cpp)
  gradus_own_target(gradus_simt)
  set_target_properties(gradus_simt PROPERTIES CXX_VISIBILITY_PRESET hidden)
  target_compile_features(gradus_simt PUBLIC cxx_std_20)
  target_include_directories(gradus_simt PUBLIC ${GRADUS_INCLUDE_DIR})
  target_link_libraries(gradus_simt PRIVATE fmt::fmt)
  gradus_module(gradus_emulate cuda/runtime_emulated.cpp ${emulated_sources})
  target_link_libraries(gradus_emulate PRIVATE gradus_simt)
  # Every fiber waits for others most of its time: the speed of its arithmetic is not worth the compiler's.
  set_source_files_properties(${emulated_sources} PROPERTIES COMPILE_OPTIONS "-O1;${GRADUS_LANES_OPTIONS}")
endif()

if(GRADUS_HAVE_CUDA)
  gradus_module(gradus_cuda cuda/runtime_cuda.cpp cuda/caching_allocator.cpp ${kernel_sources})
  set_target_properties(gradus_cuda PROPERTIES CUDA_RUNTIME_LIBRARY Static)
  if(NOT GRADUS_CUDA STREQUAL "ON")  # nvcc is slow: whoever did not ask for the module does not wait for it
    set_target_properties(gradus_cuda PROPERTIES EXCLUDE_FROM_ALL ON)
  endif()
  target_link_libraries(gradus_cuda PRIVATE CUDA::cudart_static)
endif()
