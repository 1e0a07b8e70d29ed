# TensorBoard's event files: written by cli/event_file.cpp where protobuf and ISA-L (for its CRC-32C) are at hand; elsewhere
# the command says in one sentence what it lacks.
find_package(Protobuf QUIET)
find_path(ISAL_INCLUDE_DIR isa-l.h)
find_library(ISAL_LIBRARY isal)
mark_as_advanced(ISAL_INCLUDE_DIR ISAL_LIBRARY)
if(Protobuf_FOUND AND TARGET protobuf::libprotobuf-lite AND TARGET protobuf::protoc AND ISAL_INCLUDE_DIR AND ISAL_LIBRARY)
  set(GRADUS_EVENT_FILES TRUE)
else()
  set(GRADUS_EVENT_FILES FALSE)
  message(STATUS "TensorBoard: no event files; they need libprotobuf-dev, protobuf-compiler and libisal-dev")
endif()

# Gives a program that holds both sources of event files the one that suits.
function(gradus_event_files target)
  if(NOT GRADUS_EVENT_FILES)
    set_source_files_properties(${PROJECT_SOURCE_DIR}/cli/event_file.cpp TARGET_DIRECTORY ${target} PROPERTIES HEADER_FILE_ONLY ON)
    return()
  endif()
  set_source_files_properties(${PROJECT_SOURCE_DIR}/cli/event_file_absent.cpp TARGET_DIRECTORY ${target} PROPERTIES HEADER_FILE_ONLY ON)
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/generated/${target})
  file(MAKE_DIRECTORY ${generated})
  add_custom_command(OUTPUT ${generated}/event.pb.cc ${generated}/event.pb.h
    COMMAND protobuf::protoc --cpp_out=${generated} -I${PROJECT_SOURCE_DIR}/cli event.proto
    DEPENDS ${PROJECT_SOURCE_DIR}/cli/event.proto VERBATIM)
  target_sources(${target} PRIVATE ${generated}/event.pb.cc)
  set_source_files_properties(${generated}/event.pb.cc PROPERTIES SKIP_PRECOMPILE_HEADERS ON COMPILE_OPTIONS -w)
  target_include_directories(${target} SYSTEM PRIVATE ${generated} ${ISAL_INCLUDE_DIR})
  target_link_libraries(${target} PRIVATE protobuf::libprotobuf-lite ${ISAL_LIBRARY})
endfunction()
