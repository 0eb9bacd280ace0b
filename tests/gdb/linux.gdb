hbreak start_kernel
continue
info threads
backtrace 1
print $priv
stepi 3
delete
hbreak kernel_init
continue
backtrace 1
info threads
delete
watch *(int*)&system_state
continue
backtrace 1
info symbol $pc
delete
tbreak do_execveat_common
continue
backtrace 1
info symbol $pc
finish
info symbol $pc
print $priv
tbreak vfs_write
continue
backtrace 1
print (int)$a2
detach
