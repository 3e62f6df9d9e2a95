# cmake --install puts the program and what belongs to it where they are looked for.
# Given: BUILD, PREFIX (is removed).
file(REMOVE_RECURSE ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX}
    RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
if(failed)
    message(FATAL_ERROR "${said}")
endif()
foreach(file
    bin/sidecache
    share/man/man1/sidecache.1
    share/bash-completion/completions/sidecache
    share/zsh/site-functions/_sidecache
    share/fish/vendor_completions.d/sidecache.fish
    share/sidecache/schema.json
    share/sidecache/products.yaml
    share/sidecache/examples/memory-only.yaml)
    if(NOT EXISTS ${PREFIX}/${file})
        message(FATAL_ERROR "${file} is missing")
    endif()
    file(SIZE ${PREFIX}/${file} size)
    if(size EQUAL 0)
        message(FATAL_ERROR "${file} is empty")
    endif()
endforeach()
execute_process(COMMAND ${PREFIX}/bin/sidecache check ${PREFIX}/share/sidecache/products.yaml
    RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
file(REMOVE_RECURSE ${PREFIX})
if(failed)
    message(FATAL_ERROR "${said}")
endif()
