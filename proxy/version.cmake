# Writes version.cpp at build time, and touches it only when the version is another one:
#     cmake -D VERSION=0.1.0 -D REVISION=1f3a9c7 -D SOURCE=... -D OUTPUT=... -P proxy/version.cmake
# Without REVISION, git says what is checked out: its commit, and `.dirty` when files differ from it.
# Without git, or outside a checkout, the version stands alone.
if(NOT REVISION)
    find_program(GIT git)
    if(GIT)
        execute_process(
            COMMAND ${GIT} -C ${SOURCE} describe --always --abbrev=12 --exclude=* --dirty=.dirty
            OUTPUT_VARIABLE REVISION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    endif()
endif()
set(SIDECACHE_VERSION_TEXT ${VERSION})
if(REVISION)
    set(SIDECACHE_VERSION_TEXT "${VERSION}+${REVISION}")
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/version.cpp.in ${OUTPUT} @ONLY)
