# Back through what happened, and on again.
monitor history on
break finished
continue
print total
print counter
reverse-stepi
print $pc
reverse-stepi
reverse-stepi
stepi
stepi
stepi
print $pc
break weigh if key == 5
reverse-continue
print key
print total
backtrace 2
reverse-continue
backtrace 2
delete
watch total
reverse-continue
reverse-continue
continue
continue
delete
reverse-continue
print $pc
break finished
continue
print total
print counter
set $pc = second
detach
