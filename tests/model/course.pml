#ifndef P3_holds
#define P3_holds(m) true
#endif

/* The backend of one request, and the clock that its marks go by. */
proctype course(byte m)
{
end:	do
	:: d_step { request[m] == SENT ->
		printf("the backend commits mutation %d\n", m);
		db++; version[m] = db; request[m] = COMMITTED }
#ifndef ALWAYS_COMMITS
	:: d_step { request[m] == SENT ->
		printf("the backend declines mutation %d\n", m);
		request[m] = DECLINED }  /* or it is lost */
#endif
	:: d_step { begins[m] > 0 && age[m] == FRESH && request[m] == UNSENT && begins[m] < MAX_BEGINS ->
		printf("mutation %d: its begin has grown old\n", m);
		age[m] = OLD }
	:: d_step { begins[m] > 0 && age[m] != PAST && !waits_for_body[m] &&
		(request[m] == UNSENT -> age[m] == OLD : (request[m] != SENT || forwarded_old[m])) &&
		(!answered[m] || carries_mark(m)) ->
		/* The backend's own limit ends before the deadline of a begin that was fresh. */
		printf("mutation %d: its marks' deadline passes\n", m);
		age[m] = PAST;
		pass_deadline(m);
		pass_near_limits(m);
		if
#ifndef WITHOUT_P3
		:: request[m] == COMMITTED && P3_holds(m) -> expect(version[m])  /* P3 */
#endif
		:: else
		fi }
	:: d_step { age[m] == PAST && carries_mark(m) -> pass_deadline(m); pass_near_limits(m) }  /* what end has set anew */
	:: d_step { answered[m] && !carries_mark(m) && request[m] != UNSENT && request[m] != SENT ->
		/* Nothing is to come of it any more. */
		request[m] = UNSENT; version[m] = 0; age[m] = FRESH; begins[m] = 0; forwarded_old[m] = false }
	od
}
