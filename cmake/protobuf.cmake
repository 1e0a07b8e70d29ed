# What the command writes by protobuf: TensorBoard's event files and ONNX. Without protobuf it says what it lacks.
find_package(Protobuf QUIET)
if(Protobuf_FOUND AND TARGET protobuf::libprotobuf-lite AND TARGET protobuf::protoc)
  set(GRADUS_HAVE_PROTOBUF TRUE)
else()
  set(GRADUS_HAVE_PROTOBUF FALSE)
endif()

# Sources of the command, by name, that this program does not compile.
function(gradus_leave_out target)
  list(TRANSFORM ARGN REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/cli/\\1.cpp" OUTPUT_VARIABLE sources)
  set_source_files_properties(${sources} TARGET_DIRECTORY ${target} PROPERTIES HEADER_FILE_ONLY ON)
endfunction()

# The messages of cli/<schema>.proto, compiled into the program.
function(gradus_messages target schema)
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/generated/${target})
  file(MAKE_DIRECTORY ${generated})
  add_custom_command(OUTPUT ${generated}/${schema}.pb.cc ${generated}/${schema}.pb.h
    COMMAND protobuf::protoc --cpp_out=${generated} -I${PROJECT_SOURCE_DIR}/cli ${schema}.proto
    DEPENDS ${PROJECT_SOURCE_DIR}/cli/${schema}.proto VERBATIM)
  target_sources(${target} PRIVATE ${generated}/${schema}.pb.cc)
  set_source_files_properties(${generated}/${schema}.pb.cc PROPERTIES SKIP_PRECOMPILE_HEADERS ON COMPILE_OPTIONS -w)
  target_include_directories(${target} SYSTEM PRIVATE ${generated})
  target_link_libraries(${target} PRIVATE protobuf::libprotobuf-lite)
endfunction()

# Gives a program that holds all sources of ONNX those that suit.
function(gradus_onnx target)
  if(GRADUS_HAVE_PROTOBUF)
    gradus_leave_out(${target} onnx_absent)
    gradus_messages(${target} onnx)
  else()
    gradus_leave_out(${target} onnx_graph onnx_layers onnx_model)
  endif()
endfunction()

include(${CMAKE_CURRENT_LIST_DIR}/event_files.cmake)
if(NOT GRADUS_HAVE_PROTOBUF)
  message(STATUS "ONNX: no export; it needs libprotobuf-dev and protobuf-compiler")
endif()
